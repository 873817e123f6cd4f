// Passkeys: asks the browser's authenticator and posts its answer (Web Authentication, level 2).
//
// A form with data-passkey ("get" or "create") is hidden until it is known that the browser can.
// Its options stand in the form as JSON, or are fetched from data-challenge-at when it is pressed.

import { say } from "./say.js";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

function decoded(publicKey) {
  const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
  if (options.user) options.user = { ...options.user, id: bytes(options.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (options[list]) options[list] = options[list].map((each) => ({ ...each, id: bytes(each.id) }));
  }
  return options;
}

function encoded(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: text(response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[part]) answer[part] = text(response[part]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: answer,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

async function options(form) {
  const address = form.dataset.challengeAt;
  if (!address) return JSON.parse(form.querySelector("script").textContent);
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()).options;
}

async function ask(form) {
  const { publicKey } = await options(form);
  const kind = form.dataset.passkey;
  const credential = await navigator.credentials[kind]({ publicKey: decoded(publicKey) });
  form.elements.credential.value = encoded(credential);
}

function start(form) {
  form.hidden = false;
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    button.disabled = true;
    try {
      await ask(form);
      form.requestSubmit();
    } catch (error) {
      const { sayAddress, sayFailed } = form.dataset;
      say(error.name === "SecurityError" ? sayAddress : sayFailed);
      button.disabled = false;
    }
  });
}

if (window.PublicKeyCredential) document.querySelectorAll("form[data-passkey]").forEach(start);
