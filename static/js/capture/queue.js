// Any number of files, three at a time. One that is refused leaves the others alone; a broken
// connection stops none for good.

import { Connection } from "./connection.js";
import { Broken, Later, Refused, Sending, SessionEnded } from "./tus.js";
import { showVerdict, verdictOn } from "./verdict.js";

const PARALLEL = 3;
const UNFINISHED = ["waiting", "sending", "checking"];

export class Queue {
  constructor(form, rows, { onImage, onSettled }) {
    Object.assign(this, { form, rows, onImage, onSettled, say: form.dataset });
    this.waiting = [];
    this.jobs = [];
    this.running = 0;
    this.connection = new Connection((state) => this.tellConnection(state));
    window.addEventListener("beforeunload", (event) => {
      if (this.running > 0) event.preventDefault();
    });
  }

  get token() {
    return this.form.elements.csrfmiddlewaretoken.value;
  }

  // `verdict` when the picture was judged before, in the viewfinder.
  add(files, verdict = null) {
    const lesion = this.form.elements.lesion.value;
    const modality = this.form.elements.modality.value;
    for (const file of files) {
      const job = { file, lesion, modality, sent: 0, known: false };
      this.rows.add(job);
      this.jobs.push(job);
      this.judge(job, verdict);
      this.enter(job);
    }
  }

  async judge(job, verdict) {
    const place = job.row.querySelector(".upload__verdict");
    place.textContent = this.say.sayJudging;
    const found = verdict ?? (await verdictOn(job.file, this.say.measure));
    // Of a file that was turned away nothing is to be judged; the server's own verdict stays.
    if (job.state === "failed" || job.state === "held") place.replaceChildren();
    else if (job.state !== "done") showVerdict(place, found, this.say);
  }

  enter(job) {
    if (job.file.size > Number(this.say.maxBytes)) {
      this.rows.show(job, "failed", this.say.sayLarge);
      this.settleIfDone();
      return;
    }
    this.rows.show(job, "waiting", this.say.sayWaiting);
    this.waiting.push(job);
    this.next();
  }

  next() {
    while (this.running < PARALLEL && this.waiting.length) {
      this.running += 1;
      this.send(this.waiting.shift());
    }
    this.showProgress();
    this.settleIfDone();
  }

  async send(job) {
    job.sending ??= new Sending(
      job.file,
      { filename: job.file.name, lesion: job.lesion, modality: job.modality },
      {
        uploads: this.say.uploads,
        partBytes: Number(this.say.partBytes),
        token: this.token,
        onProgress: (sent) => this.progress(job, sent),
      },
    );
    this.rows.show(job, "sending", this.say.sayReading);
    try {
      const { html, known } = await this.untilAnswered(job);
      job.known = known;
      job.sent = job.file.size;
      this.rows.show(job, "done", known ? this.say.sayKnown : this.say.sayStored);
      this.onImage(html, job);
    } catch (error) {
      this.failed(job, error);
    }
    this.running -= 1;
    this.next();
  }

  async untilAnswered(job) {
    for (;;) {
      try {
        const answer = await job.sending.send();
        this.connection.works();
        return answer;
      } catch (error) {
        if (error instanceof Broken) await this.connection.afterBreak();
        else if (error instanceof Later) await this.connection.afterBusy(error.seconds);
        else {
          if (error instanceof Refused) this.connection.works();
          throw error;
        }
      }
    }
  }

  failed(job, error) {
    if (error instanceof Refused) job.row.querySelector(".upload__verdict").replaceChildren();
    if (error instanceof Refused) {
      const { problem } = error;
      const detail = problem.detail || this.say.sayFailed;
      const again = !problem.quarantine && ![413, 422].includes(problem.status);
      if (problem.status === 460) job.sending = null;
      this.rows.show(job, problem.quarantine ? "held" : "failed", detail, {
        again,
        link: problem.link ?? "",
      });
    } else if (error instanceof SessionEnded) {
      this.rows.show(job, "failed", this.say.saySession, { again: true });
    } else {
      // The file itself: moved or changed since it was chosen.
      this.rows.show(job, "failed", this.say.sayUnreadable);
    }
  }

  progress(job, sent) {
    job.sent = sent;
    this.connection.works();
    const share = job.file.size ? sent / job.file.size : 1;
    const percent = `${Math.floor(share * 100)} %`;
    this.rows.progress(job, share, share < 1 ? percent : this.say.sayChecking);
    this.showProgress();
  }

  retry(job) {
    this.enter(job);
  }

  showProgress() {
    const place = document.getElementById("progress");
    const done = this.jobs.filter((job) => !UNFINISHED.includes(job.state)).length;
    const all = this.jobs.length;
    place.hidden = all < 2 || done === all;
    if (place.hidden) return;
    const bytes = this.jobs.reduce((sum, { file }) => sum + file.size, 0);
    const sent = this.jobs.reduce(
      (sum, job) => sum + (UNFINISHED.includes(job.state) ? job.sent : job.file.size),
      0,
    );
    const share = bytes ? sent / bytes : 0;
    place.querySelector("progress").value = share;
    place.querySelector("[data-text]").textContent = this.say.sayProgress
      .replace("%done", done)
      .replace("%all", all)
      .replace("%share", Math.floor(share * 100));
  }

  settleIfDone() {
    if (this.running > 0 || this.waiting.length > 0 || this.jobs.length === 0) return;
    const count = (test) => this.jobs.filter(test).length;
    document.getElementById("upload-summary").textContent = this.say.saySummary
      .replace("%done", count((job) => job.state === "done" && !job.known))
      .replace("%known", count((job) => job.state === "done" && job.known))
      .replace("%failed", count((job) => job.state === "failed" || job.state === "held"));
    this.rows.listNotStored();
    this.onSettled();
  }

  tellConnection(state) {
    const place = document.getElementById("connection");
    const words = {
      offline: this.say.sayOffline,
      busy: this.say.sayBusy,
      online: this.say.sayOnline,
    };
    if (state === "quiet" && place.dataset.state !== "busy") return;
    place.dataset.state = state;
    place.hidden = state === "quiet" || state === "online";
    place.querySelector("[data-text]").textContent = words[state] ?? "";
  }
}
