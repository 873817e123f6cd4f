// Two images over each other: a fade between them, and their alternation, by hand or by a clock.
//
// Each image stays in front for 0.4 s at least: at most one and a quarter flashes a second, where
// three are the limit (WCAG 2.3.1). Nothing alternates until somebody asks for it.

const SHORTEST = 0.4;

export class Flicker {
  // `names`: what the left and the right image are called; `tell`: to screen readers.
  constructor(root, pair, names, tell) {
    this.viewers = [pair.left.viewer, pair.right.viewer];
    this.root = root;
    this.names = names;
    this.tell = tell;
    this.fade = root.querySelector("[data-fade]");
    this.button = root.querySelector("[data-flicker]");
    this.period = root.querySelector("[data-period]");
    this.front = root.querySelector("[data-front]");
    this.over = false;
    this.fade.addEventListener("input", () => {
      this.stop();
      this.show(Number(this.fade.value) / 100);
    });
    root.querySelector("[data-swap]").addEventListener("click", () => this.swap());
    for (const viewer of this.viewers) {
      viewer.addHandler("canvas-key", ({ originalEvent }) => {
        if (!this.over || originalEvent.key !== " ") return;
        originalEvent.preventDefault();
        this.swap();
      });
    }
    this.button.addEventListener("click", () => (this.clock ? this.stop(true) : this.start()));
    this.period.addEventListener("input", () => this.setPeriod());
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
    this.setPeriod();
  }

  setMode(over) {
    this.over = over;
    this.stop();
    // Below the other one it takes neither the pointer nor the focus.
    this.viewers[1].canvas.tabIndex = over ? -1 : 0;
    this.show(over ? Number(this.fade.value) / 100 : 0);
  }

  // `share`: 0 shows the left image, 1 the right one.
  show(share) {
    this.share = share;
    const [left, right] = this.viewers.map(({ container }) => container.style);
    right.opacity = this.over ? share : "";
    // All of the image in front, and nothing of the other where it ends.
    left.opacity = this.over && share === 1 ? 0 : "";
    if (!this.over) return;
    this.fade.value = share * 100;
    const name = share === 0 ? this.names[0] : share === 1 ? this.names[1] : null;
    const both = this.root.dataset.sayMixed
      .replace("{left}", Math.round(100 - share * 100))
      .replace("{right}", Math.round(share * 100));
    this.front.textContent = name ? this.root.dataset.sayFront.replace("{image}", name) : both;
    this.fade.setAttribute("aria-valuetext", name ?? both);
  }

  swap(tell = true) {
    if (!this.over) return;
    this.show(this.share < 0.5 ? 1 : 0);
    if (tell) this.tell(this.front.textContent);
  }

  setPeriod() {
    const seconds = Math.max(Number(this.period.value), SHORTEST);
    const { lang } = document.documentElement;
    const words = this.period.dataset.words.replace(
      "{seconds}",
      seconds.toLocaleString(lang, { minimumFractionDigits: 1 }),
    );
    this.period.nextElementSibling.textContent = words;
    this.period.setAttribute("aria-valuetext", words);
    this.seconds = seconds;
    if (this.clock) this.run();
  }

  start() {
    this.swap(false);
    this.run();
    this.button.setAttribute("aria-pressed", "true");
    this.tell(this.root.dataset.sayStarted);
  }

  run() {
    clearInterval(this.clock);
    this.clock = setInterval(() => this.swap(false), this.seconds * 1000);
  }

  stop(tell = false) {
    if (!this.clock) return;
    clearInterval(this.clock);
    this.clock = null;
    this.button.setAttribute("aria-pressed", "false");
    if (tell) this.tell(`${this.root.dataset.sayStopped} ${this.front.textContent}`);
  }
}
