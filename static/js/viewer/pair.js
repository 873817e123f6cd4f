// Two viewers that see the same place: the right image lies in the left one's frame.
//
// What OpenSeadragon calls the viewport is here the left image with a width of 1, in both.

import { arrived, makeViewer } from "./osd.js";
import { at, degrees, scale } from "./similarity.js";
import { spacing } from "./ruler.js";

const LEADS = ["canvas-press", "canvas-scroll", "canvas-key", "canvas-pinch", "canvas-double-click"];
const LOOSE = { visibilityRatio: 0.25, minZoomImageRatio: 0.6, maxZoomPixelRatio: 12 };

export class Pair {
  constructor(left, right) {
    this.left = this.open(left);
    this.right = this.open(right);
    this.together = true;
    this.leader = this.left;
    for (const side of [this.left, this.right]) {
      for (const name of LEADS) side.viewer.addHandler(name, () => (this.leader = side));
      side.viewer.addHandler("animation", () => this.follow(side));
      side.viewer.addHandler("animation-finish", () => this.follow(side));
    }
    for (const { viewer } of [this.left, this.right]) {
      viewer.addHandler("resize", () => this.settle());
    }
    this.ready = Promise.all([arrived(this.left.viewer), arrived(this.right.viewer)]).then(() => {
      this.place(this.unaligned());
      this.left.viewer.viewport.goHome(true);
      this.follow(this.left, true);
    });
  }

  open(figure) {
    const stage = figure.querySelector("[data-stage]");
    const plain = figure.querySelector("[data-plain]");
    const ground = document.createElement("div");
    ground.className = "viewer__ground";
    stage.append(ground);
    const label = plain.querySelector("img").alt;
    const viewer = makeViewer(ground, plain.href, { label, ...stage.dataset, ...LOOSE });
    viewer.addOnceHandler("open", () => (plain.hidden = true));
    const size = { x: Number(figure.dataset.width), y: Number(figure.dataset.height) };
    return { figure, stage, viewer, size, spacing: spacing(figure.dataset.spacing) };
  }

  // Middle on middle: at one scale of the skin where both files state theirs, else of one width.
  unaligned() {
    const [left, right] = [this.left, this.right];
    const size = ({ spacing: [rows, columns] }) => Math.sqrt(rows * columns);
    const known = left.spacing && right.spacing;
    const factor = known ? size(right) / size(left) : left.size.x / right.size.x;
    return {
      a: factor,
      b: 0,
      dx: (left.size.x - factor * right.size.x) / 2,
      dy: (left.size.y - factor * right.size.y) / 2,
    };
  }

  // Where the right image's pixels lie among the left one's.
  place(onto) {
    this.onto = onto;
    const item = this.right.viewer.world.getItemAt(0);
    const { x, y } = this.right.size;
    const unit = this.left.size.x;
    const width = (scale(onto) * x) / unit;
    const middle = at(onto, { x: x / 2, y: y / 2 });
    const { Point } = window.OpenSeadragon;
    item.setWidth(width, true);
    item.setRotation(degrees(onto), true);
    item.setPosition(
      new Point(middle.x / unit - width / 2, middle.y / unit - (width * y) / x / 2),
      true,
    );
    this.right.viewer.forceRedraw();
  }

  // Pixels of the left image that one pixel of the screen takes now.
  step() {
    const { viewport } = this.left.viewer;
    const { Point } = window.OpenSeadragon;
    return viewport.deltaPointsFromPixels(new Point(1, 0), true).x * this.left.size.x;
  }

  // The middle of what is seen, in pixels of the left image.
  middle() {
    const { x, y } = this.left.viewer.viewport.getCenter(true);
    return { x: x * this.left.size.x, y: y * this.left.size.x };
  }

  follow(side, always = false) {
    if (!always && (!this.together || side !== this.leader)) return;
    const other = side === this.left ? this.right : this.left;
    const { viewport } = side.viewer;
    other.viewer.viewport.zoomTo(viewport.getZoom(true), null, true);
    other.viewer.viewport.panTo(viewport.getCenter(true), true);
  }

  // Keeps what is seen in sight while `act` gives the viewers another size.
  keepInSight(act) {
    const seen = this.left.viewer.viewport.getBounds(true);
    act();
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        this.left.viewer.viewport.fitBounds(seen, true);
        this.follow(this.left, this.together);
      });
    });
  }

  // Each viewer finds its new size in a frame of its own.
  settle() {
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        if (this.together && this.onto) this.follow(this.leader, true);
      });
    });
  }

  setTogether(wanted) {
    this.together = wanted;
    if (wanted) this.follow(this.leader, true);
  }
}
