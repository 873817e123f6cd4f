// Points on an image that can be dragged, clicked into place, and moved with the arrow keys.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LARGE = 10; // steps, with Shift

export class Handles {
  // `labels`: one handle each. `moved(points)`: points in the image's pixels, after every change.
  constructor(viewer, { labels, moved, left }) {
    this.viewer = viewer;
    this.moved = moved;
    this.next = 0;
    this.points = [];
    this.buttons = labels.map((label, number) => this.button(label, number, left));
    this.place = () => this.draw();
    this.clicked = (event) => this.click(event);
    viewer.addHandler("update-viewport", this.place);
    viewer.addHandler("canvas-click", this.clicked);
    // They begin in the middle of what is seen.
    const { clientWidth: width, clientHeight: height } = viewer.canvas;
    const apart = width / (2 * labels.length);
    labels.forEach((_label, number) => {
      const x = width / 2 + (number - (labels.length - 1) / 2) * apart;
      this.points.push(this.toImage(x, height / 2));
    });
    this.change();
  }

  button(label, number, left) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "handle";
    made.setAttribute("aria-label", label);
    const mark = document.createElement("span");
    mark.className = "handle__mark";
    mark.dataset.number = number + 1;
    made.append(mark);
    made.addEventListener("keydown", (event) => {
      if (event.key === "Escape") left();
      const step = STEPS[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const { x, y } = this.toElement(this.points[number]);
      const size = event.shiftKey ? LARGE : 1;
      this.move(number, x + step[0] * size, y + step[1] * size);
    });
    made.addEventListener("pointerdown", (event) => {
      made.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    made.addEventListener("pointermove", (event) => {
      if (!made.hasPointerCapture(event.pointerId)) return;
      const frame = this.viewer.canvas.getBoundingClientRect();
      this.move(number, event.clientX - frame.x, event.clientY - frame.y);
    });
    this.viewer.element.append(made);
    return made;
  }

  get item() {
    return this.viewer.world.getItemAt(0);
  }

  toImage(x, y) {
    const { OpenSeadragon } = window;
    return this.item.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
  }

  toElement(point) {
    return this.item.imageToViewerElementCoordinates(point);
  }

  // A click puts the next handle there: first one end, then the other.
  click(event) {
    if (!event.quick) return;
    event.preventDefaultAction = true;
    this.move(this.next, event.position.x, event.position.y);
    this.next = (this.next + 1) % this.points.length;
  }

  move(number, x, y) {
    const { x: width, y: height } = this.item.getContentSize();
    const { x: across, y: down } = this.toImage(x, y);
    this.points[number] = new window.OpenSeadragon.Point(
      Math.min(Math.max(across, 0), width),
      Math.min(Math.max(down, 0), height),
    );
    this.change();
  }

  change() {
    this.draw();
    this.moved(this.points);
  }

  // Where the handles are, in pixels of the viewer's element.
  places() {
    return this.points.map((point) => this.toElement(point));
  }

  draw() {
    this.places().forEach(({ x, y }, number) => {
      this.buttons[number].style.translate = `${x}px ${y}px`;
    });
  }

  remove() {
    this.viewer.removeHandler("update-viewport", this.place);
    this.viewer.removeHandler("canvas-click", this.clicked);
    for (const each of this.buttons) each.remove();
  }
}
