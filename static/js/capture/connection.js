// One connection for all files: when it breaks, all wait together, a little longer each time, and
// go on together when it is back.

const LONGEST = 30;

export class Connection {
  // `tell(state)` with "offline", "busy" or "online".
  constructor(tell) {
    this.tell = tell;
    this.failures = 0;
    this.waiting = null;
    window.addEventListener("online", () => this.wake());
  }

  // Resolves when it is time to try again.
  async afterBreak() {
    if (!this.waiting) this.failures += 1;
    this.tell("offline");
    const seconds = Math.min(LONGEST, 2 ** (this.failures - 1)) * (0.75 + Math.random() / 2);
    return this.wait(seconds);
  }

  async afterBusy(seconds) {
    this.tell("busy");
    return this.wait(seconds);
  }

  // Something was answered: the next break begins with a short wait again.
  works() {
    if (this.failures > 0) this.tell("online");
    else this.tell("quiet");
    this.failures = 0;
  }

  wake() {
    this.waiting?.end();
  }

  wait(seconds) {
    if (!this.waiting) {
      let end;
      const over = new Promise((resolve) => {
        end = resolve;
      });
      const timer = setTimeout(() => this.waiting?.end(), seconds * 1000);
      this.waiting = {
        over,
        end: () => {
          clearTimeout(timer);
          this.waiting = null;
          end();
        },
      };
    }
    return this.waiting.over;
  }
}
