// Sends one file in parts, by tus 1.0.0 (imaging/views/resumable.py). A broken connection is no
// failure: the server is asked how far it has come, and the file goes on from there.

// What a page sends by itself is no sign that somebody is there (accounts/idle.py).
const TUS = { "Tus-Resumable": "1.0.0", "X-Background": "true" };
const PART = "application/offset+octet-stream";

export class Broken extends Error {} // no answer, or a server in trouble: later it goes on
export class Later extends Error {
  constructor(seconds) {
    super();
    this.seconds = seconds; // the server said how long to wait
  }
}
export class SessionEnded extends Error {}
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

const GONE = new Set([404, 410]);
const LATER = new Set([423, 429, 503]);

// XMLHttpRequest, since fetch tells nothing of how much has been sent.
function ask(method, address, { headers = {}, body = null, onProgress, token }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    for (const [name, value] of Object.entries({ ...TUS, ...headers })) {
      request.setRequestHeader(name, value);
    }
    request.setRequestHeader("X-CSRFToken", token);
    if (onProgress) request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("load", () => {
      const type = request.getResponseHeader("Content-Type") ?? "";
      const isProblem = type.startsWith("application/problem+json");
      const elsewhere = new URL(request.responseURL).pathname !== address;
      if (elsewhere || (request.status === 403 && !isProblem)) reject(new SessionEnded());
      else if (LATER.has(request.status)) {
        reject(new Later(Number(request.getResponseHeader("Retry-After")) || 2));
      } else if (request.status >= 500) reject(new Broken());
      else resolve(request);
    });
    request.addEventListener("error", () => reject(new Broken()));
    request.addEventListener("timeout", () => reject(new Broken()));
    request.send(body);
  });
}

function encoded(metadata) {
  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return Object.entries(metadata)
    .filter(([, value]) => value)
    .map(([name, value]) => `${name} ${base64(value)}`)
    .join(",");
}

function answered(request) {
  if (request.status === 200 || request.status === 201) {
    return { html: request.responseText, known: request.status === 200 };
  }
  let problem = { status: request.status, detail: "" };
  try {
    problem = JSON.parse(request.responseText);
  } catch {
    // An answer without a reason: the page says that the server could not take the file.
  }
  throw new Refused(problem);
}

function isElsewhere(request) {
  return request.responseText.includes("urn:dermaclinic:problem:wrong-offset");
}

// The file's own digest: by it the server knows what it has, and the rest of what it has begun.
async function digestOf(file) {
  if (!globalThis.crypto?.subtle) return ""; // a page without HTTPS: then a file is sent whole
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A file on its way. `send` may be called again after Broken or Later, and goes on.
export class Sending {
  constructor(file, metadata, { uploads, partBytes, token, onProgress }) {
    Object.assign(this, { file, metadata, uploads, partBytes, token, onProgress });
    this.address = "";
    this.offset = 0;
    this.resumedAt = 0;
  }

  // Resolves to { html, known }: the image's tile, and whether it had been here already.
  async send() {
    if (this.address) {
      if (!(await this.askHowFar())) this.address = "";
    }
    if (!this.address) {
      const here = await this.begin();
      if (here) return here;
    }
    return this.sendParts();
  }

  async begin() {
    this.metadata.sha256 ??= await digestOf(this.file);
    const request = await ask("POST", this.uploads, {
      token: this.token,
      headers: {
        "Upload-Length": String(this.file.size),
        "Upload-Metadata": encoded(this.metadata),
      },
    });
    const address = request.getResponseHeader("Location");
    if (!address) return answered(request);
    this.address = address;
    this.offset = Number(request.getResponseHeader("Upload-Offset")) || 0;
    this.resumedAt = this.offset;
    return null;
  }

  async askHowFar() {
    const request = await ask("HEAD", this.address, { token: this.token });
    if (GONE.has(request.status)) return false;
    this.offset = Number(request.getResponseHeader("Upload-Offset")) || 0;
    return true;
  }

  async sendParts() {
    for (;;) {
      const from = this.offset;
      const body = this.file.slice(from, from + this.partBytes);
      const request = await ask("PATCH", this.address, {
        token: this.token,
        body,
        headers: { "Content-Type": PART, "Upload-Offset": String(from) },
        onProgress: (sent) => this.onProgress(Math.min(from + sent, this.file.size)),
      });
      const at = request.getResponseHeader("Upload-Offset");
      if (GONE.has(request.status)) {
        this.address = "";
        return this.send();
      }
      if (request.status === 409 && isElsewhere(request)) {
        this.offset = Number(at); // another window had sent more, or less had come than we knew
        continue;
      }
      if (request.status !== 204) return answered(request);
      this.offset = Number(at);
      this.onProgress(this.offset);
    }
  }
}

// Give up what had been begun at an address.
export async function discard(address, token) {
  const request = await ask("DELETE", address, { token });
  return request.status === 204 || GONE.has(request.status);
}
