// What the page shows of each file: a row with its state, and a list of those not stored.

const FINAL = ["done", "failed", "held"];

export class Rows {
  constructor(say, onRetry) {
    this.say = say;
    this.onRetry = onRetry;
    this.list = document.getElementById("uploads");
    this.box = document.getElementById("uploads-box");
    this.template = document.getElementById("upload-row");
    this.notStored = document.getElementById("not-stored");
    this.failed = new Map();
    this.notStored.querySelector("[data-save]").addEventListener("click", () => this.save());
    this.notStored.querySelector("[data-retry-all]").addEventListener("click", () => {
      for (const [job] of [...this.failed]) if (job.again) this.onRetry(job);
    });
  }

  add(job) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    const name = row.querySelector(".upload__name");
    name.textContent = job.file.name;
    name.title = job.file.name;
    row.querySelector("progress").setAttribute("aria-label", job.file.name);
    this.list.append(row);
    this.box.hidden = false;
    job.row = row;
  }

  progress(job, share, text) {
    job.row.querySelector("progress").value = share;
    this.show(job, "sending", text);
  }

  // `again`: whether it may be tried once more; `link`: where somebody decides on a held file.
  show(job, state, text, { again = false, link = "" } = {}) {
    job.state = state;
    job.again = again;
    job.row.dataset.state = state;
    job.row.querySelector(".upload__text").textContent = text;
    job.row.querySelector("progress").hidden = FINAL.includes(state);
    for (const icon of job.row.querySelectorAll("[data-icon]")) {
      icon.hidden = icon.dataset.icon !== state;
    }
    const actions = job.row.querySelector(".upload__actions");
    actions.replaceChildren(...this.actions(job, again, link));
    if (state === "failed" || state === "held") this.failed.set(job, { text, link });
    else this.failed.delete(job);
  }

  actions(job, again, link) {
    const made = [];
    if (link) {
      const decide = document.createElement("a");
      decide.className = "button button--small";
      decide.href = link;
      decide.textContent = this.say.sayDecide;
      made.push(decide);
    }
    if (again) {
      const retry = document.createElement("button");
      retry.type = "button";
      retry.className = "button button--small";
      retry.textContent = this.say.sayRetry;
      retry.addEventListener("click", () => this.onRetry(job));
      made.push(retry);
    }
    return made;
  }

  // The files that were not stored, each with its reason, until somebody dismisses the list.
  listNotStored() {
    const items = [...this.failed].map(([job, { text, link }]) => {
      const item = document.createElement("li");
      const name = document.createElement("strong");
      name.textContent = job.file.name;
      item.append(name, " ", text);
      if (link) item.append(" ", ...this.actions(job, false, link));
      return item;
    });
    this.notStored.querySelector("ul").replaceChildren(...items);
    this.notStored.hidden = items.length === 0;
    const again = [...this.failed.keys()].some((job) => job.again);
    this.notStored.querySelector("[data-retry-all]").hidden = !again;
  }

  save() {
    const lines = [...this.failed].map(([job, { text }]) => `${job.file.name}\t${text}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n"), "\r\n"], { type: "text/plain" }));
    link.download = `${this.notStored.querySelector("[data-save]").dataset.save}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  dismiss() {
    for (const job of this.failed.keys()) job.row.remove();
    this.failed.clear();
    this.listNotStored();
    this.box.hidden = !this.list.firstElementChild;
  }
}
