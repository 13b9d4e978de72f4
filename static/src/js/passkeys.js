// Passkeys. A form with
//
//   data-passkey="get"                 asks an authenticator for a passkey; "create" makes one
//   data-passkey-options="/path"       where the question comes from
//   data-passkey-conditional           lets the browser offer passkeys in the field for the e-mail address
//
// is filled in by the authenticator and sent like any other. Forms that ask for
// one are hidden until it is known that the browser has passkeys at all.
import { headers, say } from "./page.js";

const possible = Boolean(window.PublicKeyCredential && navigator.credentials);

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

class Refused extends Error {}

// question is what the server asks the authenticator.
async function question(form) {
  let answer;
  try {
    answer = await fetch(form.dataset.passkeyOptions, { method: "POST", headers: { ...headers(), Accept: "application/json" } });
  } catch {
    throw new Refused("AllIN cannot be reached. Check your connection and try again.");
  }
  if (answer.redirected) {
    location.assign(answer.url); // who it is has to be proved first
    throw new DOMException("", "AbortError");
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(json.detail ?? "This did not work. Load the page again and repeat it.");
  json.challenge = bytes(json.challenge);
  if (json.user) json.user.id = bytes(json.user.id);
  if (json.excludeCredentials) json.excludeCredentials = named(json.excludeCredentials);
  if (json.allowCredentials) json.allowCredentials = named(json.allowCredentials);
  return json;
}

// written is the authenticator's answer as JSON.
function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response,
  });
}

function words(problem) {
  if (problem instanceof Refused) return problem.message;
  switch (problem.name) {
    case "NotAllowedError":
      return "Nothing was done: it was cancelled, or took too long. Try again.";
    case "InvalidStateError":
      return "This device has a passkey for your account already.";
    case "SecurityError":
      return "The browser allows passkeys only at the address that AllIN is set up for, by https. Ask who runs it.";
    case "NotSupportedError":
    case "ConstraintError":
      return "This device cannot keep a passkey: it needs a PIN, a fingerprint or the like. Use another one.";
  }
  return "The passkey did not work. Try again, or choose another way.";
}

function tell(form, message) {
  const place = form.querySelector("[data-passkey-message]");
  place.querySelector("span").textContent = message;
  place.hidden = !message;
  if (message) say(message);
}

let waiting; // ends the question that is being answered
let last = Promise.resolve(); // one question is fetched after the other: the cookie that comes with it is the newest's

async function ask(form, options = {}) {
  waiting?.abort();
  const { signal } = (waiting = new AbortController());
  const turn = last.catch(() => {});
  last = turn.then(() => question(form));
  const request = { publicKey: await last, signal, ...options };
  return form.dataset.passkey === "create" ? navigator.credentials.create(request) : navigator.credentials.get(request);
}

function send(form, credential) {
  form.elements.credential.value = written(credential);
  form.requestSubmit();
}

document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    if (!form.matches("[data-passkey]") || form.elements.credential.value) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    if (!possible) return tell(form, "This browser has no passkeys here. Use a newer one, by https, or choose another way.");
    form.dataset.busy = "1";
    tell(form, "");
    const button = form.querySelector("[type=submit]");
    button.setAttribute("aria-busy", "true");
    try {
      send(form, await ask(form));
    } catch (problem) {
      button.removeAttribute("aria-busy");
      if (problem.name !== "AbortError") tell(form, words(problem));
    } finally {
      delete form.dataset.busy;
    }
  },
  true,
);

// offer lets the browser show passkeys where the e-mail address is typed. What
// goes wrong there nobody has asked for: the button stays.
async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    send(form, await ask(form, { mediation: "conditional" }));
  } catch {
    // cancelled, or there is none
  }
}

function prepare(root) {
  if (!possible) return;
  for (const form of root.querySelectorAll("[data-passkey=get]")) {
    form.hidden = false;
    if (form.hasAttribute("data-passkey-conditional")) offer(form);
  }
}

prepare(document);

// The back button shows the page as it was left: what was answered is used up.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("[data-passkey]")) form.elements.credential.value = "";
});
