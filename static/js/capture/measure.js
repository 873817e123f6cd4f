// Sharpness, light and size of a picture, by the same measures as imaging/quality.py. The limits
// come from the server with the page; the arithmetic follows Pillow's, step by step, so that both
// come to the same verdict: a box average to 256 pixels, luma by Rec. 601, the Laplacian's variance.

const STRIP = 256; // rows that are read at once: a whole photograph would fill a phone's memory

// As Python rounds: halves go to the even number.
function round(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

// Average blocks of fx × fy pixels, like Image.reduce: RGB, one byte a channel.
function reduced(bitmap, fx, fy, canvasOf) {
  const { width, height } = bitmap;
  const columns = Math.ceil(width / fx);
  const rows = Math.ceil(height / fy);
  const out = new Uint8ClampedArray(columns * rows * 3);
  const step = Math.max(fy, Math.floor(STRIP / fy) * fy);
  const canvas = canvasOf(width, Math.min(step, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const sums = new Float64Array(columns * 3);
  for (let top = 0; top < height; top += step) {
    const tall = Math.min(step, height - top);
    context.clearRect(0, 0, width, tall);
    context.drawImage(bitmap, 0, top, width, tall, 0, 0, width, tall);
    const pixels = context.getImageData(0, 0, width, tall).data;
    for (let block = 0; block < tall; block += fy) {
      const deep = Math.min(fy, tall - block);
      sums.fill(0);
      for (let y = block; y < block + deep; y += 1) {
        let at = y * width * 4;
        for (let x = 0; x < width; x += 1, at += 4) {
          const column = Math.floor(x / fx) * 3;
          sums[column] += pixels[at];
          sums[column + 1] += pixels[at + 1];
          sums[column + 2] += pixels[at + 2];
        }
      }
      const row = ((top + block) / fy) * columns * 3;
      for (let column = 0; column < columns; column += 1) {
        const count = Math.min(fx, width - column * fx) * deep;
        for (let channel = 0; channel < 3; channel += 1) {
          out[row + column * 3 + channel] = Math.floor(sums[column * 3 + channel] / count + 0.5);
        }
      }
    }
  }
  return { data: out, width: columns, height: rows };
}

// Which pixels of `from` (a length that may end within a pixel) each of `to` pixels averages.
function boxes(from, available, to) {
  const scale = from / to;
  const support = 0.5 * Math.max(scale, 1);
  const narrow = 1 / Math.max(scale, 1);
  const found = [];
  for (let index = 0; index < to; index += 1) {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(available, Math.trunc(centre + support + 0.5));
    const taken = [];
    for (let place = first; place < end; place += 1) {
      const distance = (place - centre + 0.5) * narrow;
      if (distance > -0.5 && distance <= 0.5) taken.push(place);
    }
    found.push(taken);
  }
  return found;
}

function resized(picture, fromWidth, fromHeight, width, height) {
  const across = boxes(fromWidth, picture.width, width);
  const down = boxes(fromHeight, picture.height, height);
  const narrow = new Uint8ClampedArray(width * picture.height * 3);
  for (let y = 0; y < picture.height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (const place of across[x]) sum += picture.data[(y * picture.width + place) * 3 + channel];
        narrow[(y * width + x) * 3 + channel] = Math.floor(sum / across[x].length + 0.5);
      }
    }
  }
  const out = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (const place of down[y]) sum += narrow[(place * width + x) * 3 + channel];
        out[(y * width + x) * 3 + channel] = Math.floor(sum / down[y].length + 0.5);
      }
    }
  }
  return { data: out, width, height };
}

function small(bitmap, scale, canvasOf) {
  const longest = Math.max(bitmap.width, bitmap.height);
  if (longest <= scale) return reduced(bitmap, 1, 1, canvasOf);
  const width = Math.max(3, round((bitmap.width * scale) / longest));
  const height = Math.max(3, round((bitmap.height * scale) / longest));
  const fx = Math.trunc(bitmap.width / width / 2) || 1;
  const fy = Math.trunc(bitmap.height / height / 2) || 1;
  const first = reduced(bitmap, fx, fy, canvasOf);
  return resized(first, bitmap.width / fx, bitmap.height / fy, width, height);
}

function lumaOf(picture) {
  const out = new Uint8Array(picture.width * picture.height);
  for (let at = 0, from = 0; at < out.length; at += 1, from += 3) {
    const { data } = picture;
    out[at] =
      (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
  }
  return out;
}

// Points from -1 to 1 over the inner ellipse's axis.
function axis(count, inner) {
  const step = count > 1 ? 2 / (count - 1) : 0;
  return Float64Array.from({ length: count }, (_none, index) => (-1 + index * step) / inner);
}

function percentile(sorted, share) {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

// The measures of a decoded picture. `canvasOf(width, height)` makes a canvas, here or in a worker.
export function measured(bitmap, { scale, inner, clipped }, canvasOf) {
  const picture = small(bitmap, scale, canvasOf);
  const { width, height } = picture;
  const luma = lumaOf(picture);
  const xs = axis(width, inner);
  const ys = axis(height, inner);
  const levels = [];
  let [edges, sum, squares, total] = [0, 0, 0, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (xs[x] * xs[x] + ys[y] * ys[y] > 1) continue;
      const at = y * width + x;
      levels.push(luma[at]);
      total += luma[at];
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) continue;
      const edge = luma[at - width] + luma[at + width] + luma[at - 1] + luma[at + 1] - 4 * luma[at];
      edges += 1;
      sum += edge;
      squares += edge * edge;
    }
  }
  const sorted = Uint8Array.from(levels).sort();
  const share = (test) => levels.filter(test).length / levels.length;
  return {
    sharpness: edges ? squares / edges - (sum / edges) ** 2 : 0,
    brightness: total / levels.length,
    contrast: percentile(sorted, 0.98) - percentile(sorted, 0.02),
    dark: share((level) => level <= clipped[0]),
    bright: share((level) => level >= clipped[1]),
    side: Math.min(bitmap.width, bitmap.height),
  };
}

// The verdict on measures: "good", "limited" or "poor", and the reasons, the worst first.
export function judged(found, flaws) {
  const any = (limits) =>
    limits.some(([name, sign, number]) =>
      sign === "<" ? found[name] < number : found[name] > number,
    );
  const worse = flaws.filter((flaw) => any(flaw.bad)).map((flaw) => flaw.worse);
  const less = flaws
    .filter((flaw) => !worse.includes(flaw.worse) && any(flaw.mild))
    .map((flaw) => flaw.less);
  const verdict = worse.length ? "poor" : less.length ? "limited" : "good";
  return { verdict, reasons: [...worse, ...less] };
}
