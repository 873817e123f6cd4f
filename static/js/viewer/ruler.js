// The ruler: a line between two points of an image whose file states its scale, in millimetres.

import { Handles } from "./handles.js";

const SVG = "http://www.w3.org/2000/svg";

// DICOM's Pixel Spacing: millimetres between rows, and between columns.
export function spacing(text) {
  const found = (text ?? "").split(" ").map(Number);
  return found.length === 2 && found.every((each) => each > 0) ? found : null;
}

export function length([from, to], [rows, columns]) {
  return Math.hypot((to.x - from.x) * columns, (to.y - from.y) * rows);
}

function inWords(millimetres) {
  const places = millimetres < 1 ? 2 : 1;
  const { lang } = document.documentElement;
  return millimetres.toLocaleString(lang, {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}

export class Ruler {
  // `button`: switches it on and off. `tell`: says a sentence to screen readers.
  constructor(viewer, button, output, tell) {
    this.viewer = viewer;
    this.button = button;
    this.output = output;
    this.tell = tell;
    this.scale = spacing(button.dataset.ruler);
    this.pressed = () => (this.handles ? this.off() : this.on());
    button.addEventListener("click", this.pressed);
  }

  remove() {
    if (this.handles) this.off(false);
    this.button.removeEventListener("click", this.pressed);
  }

  on() {
    if (!this.scale || !this.viewer.world.getItemCount()) return;
    const { labelFrom, labelTo } = this.button.dataset;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "ruler");
    this.svg.setAttribute("aria-hidden", "true");
    this.lines = ["ruler__under", "ruler__line"].map((name) => {
      const line = document.createElementNS(SVG, "line");
      line.setAttribute("class", name);
      this.svg.append(line);
      return line;
    });
    this.viewer.element.append(this.svg);
    this.draw = () => this.drawLine();
    this.handles = new Handles(this.viewer, {
      labels: [labelFrom, labelTo],
      moved: (points) => this.measure(points),
      left: () => this.off(),
    });
    this.viewer.addHandler("update-viewport", this.draw);
    this.drawLine();
    this.button.setAttribute("aria-pressed", "true");
    this.handles.buttons[0].focus();
  }

  off(focus = true) {
    this.viewer.removeHandler("update-viewport", this.draw);
    this.handles.remove();
    this.svg.remove();
    this.handles = null;
    this.output.textContent = "";
    this.button.setAttribute("aria-pressed", "false");
    if (focus) this.button.focus();
  }

  measure(points) {
    const words = inWords(length(points, this.scale));
    this.output.textContent = this.output.dataset.words.replace("{length}", words);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell(this.output.textContent), 500);
    if (this.handles) this.drawLine();
  }

  drawLine() {
    const [from, to] = this.handles.places();
    for (const line of this.lines) {
      line.setAttribute("x1", from.x);
      line.setAttribute("y1", from.y);
      line.setAttribute("x2", to.x);
      line.setAttribute("y2", to.y);
    }
  }
}
