// While a doctor reads a visit, the images of the next free one come ahead (ahead-worker.js).

const { ahead, aheadScript, signOut } = document.body.dataset;
const scope = aheadScript && aheadScript.replace(/next\/.*$/, "");
const [, study] = /\/reports\/visits\/([0-9a-f-]{36})\/$/.exec(location.pathname) ?? [];
const AFTER = 1000; // the open visit's own images come first
const STAY = 20_000; // less than the half minute after which browsers end an idle worker

async function worker() {
  const registration = await navigator.serviceWorker.getRegistration(scope);
  return registration?.active;
}

async function bring() {
  await navigator.serviceWorker.register(aheadScript, { scope });
  const { active } = await navigator.serviceWorker.ready;
  const answer = await fetch(`${ahead}?from=${study}`, { headers: { "X-Background": "true" } });
  if (!answer.ok) return;
  const { images } = await answer.json();
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
  document.addEventListener("submit", async (event) => {
    if (event.target.getAttribute("action") === signOut) (await worker())?.postMessage({ kind: "wipe" });
  });
}
