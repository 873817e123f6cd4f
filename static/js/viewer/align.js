// How the right image is laid over the left one: by the server, by two points, or by hand.

import { Handles } from "./handles.js";
import { about, after, degrees, of, scale, through } from "./similarity.js";

const NUDGES = {
  left: { x: -1 },
  right: { x: 1 },
  up: { y: -1 },
  down: { y: 1 },
  back: { turn: -0.5 },
  on: { turn: 0.5 },
  smaller: { factor: 1 / 1.01 },
  larger: { factor: 1.01 },
};
const KEYS = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  PageUp: "back",
  PageDown: "on",
  "-": "smaller",
  _: "smaller",
  "+": "larger",
  "=": "larger",
};
const LARGE = 10; // steps, with Shift
const NEAR = 0.03; // of the left image's width: points that lie nearer to each other tell nothing

export class Align {
  constructor(root, pair, names) {
    this.root = root;
    this.pair = pair;
    this.names = names;
    this.former = [];
    this.said = root.querySelector("[data-align-said]");
    this.placed = root.querySelector("[data-placed]");
    this.working = root.querySelector("[data-align-working]");
    this.button = root.querySelector("[data-align-now]");
    this.points = root.querySelector("[data-points]");
    this.apply = root.querySelector("[data-points-apply]");
    this.undoing = root.querySelector("[data-align-undo]");
    this.button.addEventListener("click", () => this.ask());
    this.points.addEventListener("click", () => (this.handles ? this.leave() : this.mark()));
    this.apply.addEventListener("click", () => this.match());
    this.undoing.addEventListener("click", () => this.undo());
    const nudges = root.querySelector("[data-nudges]");
    nudges.addEventListener("click", (event) => {
      const button = event.target.closest("[data-nudge]");
      if (button) this.nudge(button.dataset.nudge, event.shiftKey);
    });
    nudges.addEventListener("keydown", (event) => {
      const name = KEYS[event.key];
      if (!name || !event.target.closest("[data-nudge]")) return;
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.nudge(name, event.shiftKey);
    });
  }

  say(words) {
    this.said.textContent = words;
  }

  change(onto) {
    this.former.push(this.pair.onto);
    this.pair.place(onto);
    this.undoing.disabled = false;
    return this.showPlace();
  }

  // What the right image has been turned by, and scaled to, in its own pixels.
  showPlace() {
    const { lang } = document.documentElement;
    const round = (value, places) =>
      value.toLocaleString(lang, { maximumFractionDigits: places, signDisplay: "negative" });
    const { onto } = this.pair;
    const words = this.root.dataset.sayPlaced
      .replace("{degrees}", round(degrees(onto), 1))
      .replace("{scale}", round(scale(onto) * 100, 1));
    this.placed.textContent = words;
    return words;
  }

  undo() {
    const former = this.former.pop();
    if (!former) return;
    this.pair.place(former);
    this.showPlace();
    this.say(this.root.dataset.sayUndone);
    if (this.former.length > 0) return;
    this.undoing.disabled = true;
    this.button.focus(); // a button that is switched off loses the focus
  }

  async ask() {
    if (this.button.getAttribute("aria-disabled") === "true") return;
    this.button.setAttribute("aria-disabled", "true");
    this.working.hidden = false;
    this.say(this.root.dataset.sayAligning);
    try {
      const answer = await fetch(this.root.dataset.align, { headers: { Accept: "application/json" } });
      const kind = answer.headers.get("Content-Type") ?? "";
      if (!answer.ok || !kind.startsWith("application/json")) throw new Error(answer.status);
      const found = await answer.json();
      if (found.aligned) this.change(of(found));
      this.say(found.said);
    } catch {
      this.say(this.root.dataset.sayFailed);
    } finally {
      this.button.removeAttribute("aria-disabled");
      this.working.hidden = true;
    }
  }

  // ---- two matching points ----

  mark() {
    const beside = this.root.querySelector("[name=mode][value=beside]");
    if (!beside.checked) beside.click();
    const label = (number, name) =>
      this.points.dataset.label.replace("{number}", number).replace("{image}", name);
    this.handles = [this.pair.left, this.pair.right].map(
      ({ viewer }, side) =>
        new Handles(viewer, {
          labels: [1, 2].map((number) => label(number, this.names[side])),
          moved: () => {},
          left: () => this.leave(),
        }),
    );
    this.points.setAttribute("aria-pressed", "true");
    this.apply.hidden = false;
    this.say(this.root.dataset.sayPoints);
    this.handles[0].buttons[0].focus();
  }

  match() {
    const [left, right] = this.handles;
    const least = NEAR * this.pair.left.size.x;
    const onto = through(right.points, left.points, least);
    if (!onto) {
      this.say(this.root.dataset.sayNear);
      return;
    }
    this.change(onto);
    this.leave();
    this.say(this.root.dataset.sayByHand);
  }

  leave() {
    if (!this.handles) return;
    for (const each of this.handles) each.remove();
    this.handles = null;
    this.apply.hidden = true;
    this.points.setAttribute("aria-pressed", "false");
    this.say("");
    this.points.focus();
  }

  // ---- by hand ----

  nudge(name, large) {
    const times = large ? LARGE : 1;
    const { x = 0, y = 0, turn = 0, factor = 1 } = NUDGES[name];
    const pixel = this.pair.step() * times;
    const shift = { a: 1, b: 0, dx: x * pixel, dy: y * pixel };
    const turned = about(this.pair.middle(), turn * times, factor ** times);
    const sentence = this.change(after(shift, after(turned, this.pair.onto)));
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.say(sentence), 300);
  }
}
