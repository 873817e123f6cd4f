// A service worker that holds the images of the next visit, in memory alone.
//
// It answers for an image's own address, and only after asking the server there whether the person
// may look at it now, by its ETag: "304 not modified" is the permission, and the server has written
// the look down. Any other answer goes through, and what was held is dropped. Nothing is put into a
// cache or on a disk; the browser ends this worker half a minute after the last page has spoken to
// it, and its memory with it.

const LASTS = 10 * 60_000;
const IMAGE = /^\/imaging\/images\/([0-9a-f-]{36})\/image\/$/;
const held = new Map(); // id of an image: { bytes, type, etag, at }

async function bring(images) {
  for (const id of held.keys()) {
    if (!(id in images)) held.delete(id);
  }
  for (const [id, address] of Object.entries(images)) {
    if (held.has(id)) continue;
    const answer = await fetch(address, {
      cache: "no-store",
      headers: { "X-Background": "true" },
      redirect: "error",
    });
    const etag = answer.headers.get("ETag");
    if (!answer.ok || !etag) return;
    const type = answer.headers.get("Content-Type");
    held.set(id, { bytes: await answer.arrayBuffer(), type, etag, at: Date.now() });
  }
}

async function look(request, id, image) {
  const answer = await fetch(request.url, {
    cache: "no-store",
    headers: { "If-None-Match": image.etag },
  });
  if (answer.status !== 304) {
    held.delete(id);
    return answer;
  }
  const headers = { "Content-Type": image.type, "Cache-Control": "private, no-store" };
  return new Response(image.bytes, { headers });
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { kind, images } = event.data;
  if (kind === "wipe") held.clear();
  if (kind === "bring") event.waitUntil(bring(images).catch(() => {})); // the visit opens without
});

self.addEventListener("fetch", (event) => {
  const [, id] = IMAGE.exec(new URL(event.request.url).pathname) ?? [];
  const image = event.request.method === "GET" && held.get(id);
  if (!image) return;
  if (Date.now() - image.at > LASTS) held.delete(id);
  else event.respondWith(look(event.request, id, image));
});
