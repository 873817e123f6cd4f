// While a doctor reads a visit, the images of the next free one come ahead (ahead-worker.js).

const { ahead, aheadScript, signOut } = document.body.dataset;
const scope = aheadScript && aheadScript.replace(/next\/.*$/, "");
const [, study] = /\/reports\/visits\/([0-9a-f-]{36})\/$/.exec(location.pathname) ?? [];
const AFTER = 1000; // the open visit's own images come first
const STAY = 20_000; // less than the half minute after which browsers end an idle worker

let worker = null; // of an earlier page, or this one's

async function bring() {
  await navigator.serviceWorker.register(aheadScript, { scope });
  const { active } = await navigator.serviceWorker.ready;
  const answer = await fetch(`${ahead}?from=${study}`, { headers: { "X-Background": "true" } });
  if (!answer.ok) return;
  const { images } = await answer.json();
  worker = active;
  active.postMessage({ kind: "bring", images });
  setInterval(() => {
    if (!document.hidden) active.postMessage({ kind: "stay" });
  }, STAY);
}

if (ahead && "serviceWorker" in navigator) {
  if (study) {
    const start = () => setTimeout(() => bring().catch(() => {}), AFTER);
    if (document.readyState === "complete") start();
    else addEventListener("load", start);
  }
  navigator.serviceWorker.getRegistration(scope).then((found) => (worker ??= found?.active));
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action") === signOut) worker?.postMessage({ kind: "wipe" });
  });
}
