// Similarities of the plane: where a point (in pixels) of one image lies in another.
//
// x' = a·x − b·y + dx, y' = b·x + a·y + dy: as imaging/alignment/similarity.py, whose `scale` and
// `degrees` are the length and the angle of (a, b).

export function of({ scale, degrees, dx, dy }) {
  const turn = (degrees * Math.PI) / 180;
  return { a: scale * Math.cos(turn), b: scale * Math.sin(turn), dx, dy };
}

export function at({ a, b, dx, dy }, { x, y }) {
  return { x: a * x - b * y + dx, y: b * x + a * y + dy };
}

export function scale({ a, b }) {
  return Math.hypot(a, b);
}

export function degrees({ a, b }) {
  return (Math.atan2(b, a) * 180) / Math.PI;
}

// First `inner`, then `outer`.
export function after(outer, inner) {
  const shift = at(outer, { x: inner.dx, y: inner.dy });
  return {
    a: outer.a * inner.a - outer.b * inner.b,
    b: outer.b * inner.a + outer.a * inner.b,
    dx: shift.x,
    dy: shift.y,
  };
}

// A turn, in degrees, and a scale about a point that stays where it is.
export function about(point, turn, factor) {
  const { a, b } = of({ scale: factor, degrees: turn, dx: 0, dy: 0 });
  const moved = at({ a, b, dx: 0, dy: 0 }, point);
  return { a, b, dx: point.x - moved.x, dy: point.y - moved.y };
}

// The one that takes two points to two others; null where they lie too near each other to tell.
export function through([from, to], [onto, until], least) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const [u, v] = [until.x - onto.x, until.y - onto.y];
  const square = x * x + y * y;
  if (Math.sqrt(square) < least || Math.hypot(u, v) < least) return null;
  const a = (u * x + v * y) / square;
  const b = (v * x - u * y) / square;
  return { a, b, dx: onto.x - (a * from.x - b * from.y), dy: onto.y - (b * from.x + a * from.y) };
}
