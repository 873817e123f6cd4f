// Many files at once, a row and a progress bar each. One that fails leaves the others alone.

const PARALLEL = 3;

const form = document.getElementById("upload");
if (form) start();

function start() {
  const rows = document.getElementById("uploads");
  const template = document.getElementById("upload-row");
  const zone = document.getElementById("dropzone");
  const input = document.getElementById("files");
  const say = form.dataset;
  const waiting = [];
  let running = 0;

  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.dataset.over = "";
  });
  zone.addEventListener("dragleave", () => delete zone.dataset.over);
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    add(event.dataTransfer.files);
  });
  // A file that misses the zone must not replace the page.
  for (const kind of ["dragover", "drop"]) {
    window.addEventListener(kind, (event) => event.preventDefault());
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("beforeunload", (event) => {
    if (running > 0) event.preventDefault();
  });

  function add(files) {
    const lesion = form.elements.lesion.value;
    const modality = form.elements.modality.value;
    for (const file of files) {
      const row = template.content.firstElementChild.cloneNode(true);
      row.querySelector(".upload__name").textContent = file.name;
      row.querySelector(".upload__name").title = file.name;
      row.querySelector("progress").setAttribute("aria-label", file.name);
      rows.append(row);
      queue({ file, lesion, modality, row });
    }
  }

  function queue(job) {
    show(job, "waiting", say.sayWaiting);
    if (job.file.size > Number(say.maxBytes)) {
      show(job, "failed", say.sayLarge);
      return;
    }
    waiting.push(job);
    next();
  }

  function next() {
    while (running < PARALLEL && waiting.length) {
      running += 1;
      send(waiting.shift());
    }
    if (running === 0) settled();
  }

  function send(job) {
    const data = new FormData();
    data.append("lesion", job.lesion);
    data.append("modality", job.modality);
    data.append("file", job.file);
    const bar = job.row.querySelector("progress");
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
    request.upload.addEventListener("progress", (event) => {
      bar.value = event.total ? event.loaded / event.total : 0;
      show(job, "sending", `${Math.round(bar.value * 100)} %`);
    });
    request.upload.addEventListener("load", () => show(job, "checking", say.sayChecking));
    request.addEventListener("load", () => answered(job, request));
    request.addEventListener("error", () => show(job, "failed", say.sayLost, true));
    request.addEventListener("loadend", () => {
      running -= 1;
      next();
    });
    request.send(data);
  }

  function answered(job, request) {
    const type = request.getResponseHeader("Content-Type") || "";
    const elsewhere = new URL(request.responseURL).pathname !== new URL(form.action).pathname;
    const isProblem = type.startsWith("application/problem+json");
    if (elsewhere || (request.status === 403 && !isProblem)) {
      show(job, "failed", say.saySession);
    } else if (request.status === 200 || request.status === 201) {
      place(request.responseText);
      show(job, "done", request.status === 201 ? say.sayStored : say.sayKnown);
    } else if (isProblem) {
      refused(job, JSON.parse(request.responseText));
    } else {
      show(job, "failed", say.sayLost, true);
    }
  }

  function refused(job, problem) {
    if (problem.quarantine) {
      show(job, "held", problem.detail);
      const link = document.createElement("a");
      link.className = "button button--small";
      link.href = problem.link;
      link.textContent = say.sayDecide;
      job.row.querySelector(".upload__actions").replaceChildren(link);
    } else {
      show(job, "failed", problem.detail, problem.status !== 422);
    }
  }

  // The tile of a new image, or of one that was here already: then the old tile stays.
  function place(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const tile = holder.content.querySelector("li");
    if (!tile || document.getElementById(tile.id)) return;
    document.getElementById("tiles").append(tile);
    document.getElementById("no-tiles").hidden = true;
    htmx.process(tile);
  }

  function show(job, state, text, again = false) {
    job.row.dataset.state = state;
    job.row.querySelector(".upload__text").textContent = text;
    job.row.querySelector("progress").hidden = ["done", "failed", "held"].includes(state);
    for (const icon of job.row.querySelectorAll("[data-icon]")) {
      icon.hidden = icon.dataset.icon !== state;
    }
    const actions = job.row.querySelector(".upload__actions");
    actions.replaceChildren();
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button--small";
      button.textContent = say.sayRetry;
      button.addEventListener("click", () => queue(job));
      actions.append(button);
    }
  }

  function settled() {
    const count = (state) => rows.querySelectorAll(`[data-state=${state}]`).length;
    document.getElementById("upload-summary").textContent = say.saySummary
      .replace("%done", count("done"))
      .replace("%failed", count("failed") + count("held"));
    htmx.trigger(document.body, "uploads-settled");
  }
}
