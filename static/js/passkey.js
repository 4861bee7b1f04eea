// Forms marked data-passkey="create" or "get" ask the browser for a passkey and send what it gives as `credential`.
// What is asked for stands in the element that data-passkey-asks names, else it is fetched from where the form goes.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    void ask(form);
  });
}

async function ask(form) {
  const button = form.querySelector("button[type=submit]");
  say(form, "");
  button.disabled = true;
  try {
    const credential = await ceremony(form.dataset.passkey, await wish(form));
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    button.disabled = false;
    say(form, isPossible() && error.name !== "SecurityError" ? form.dataset.passkeyRefused : form.dataset.passkeyImpossible);
  }
}

async function wish(form) {
  const place = form.dataset.passkeyAsks;
  if (place) return JSON.parse(document.getElementById(place).textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function ceremony(kind, wish) {
  if (kind === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(wish.creation_options.publicKey);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(wish.request_options.publicKey);
  return navigator.credentials.get({ publicKey });
}

function isPossible() {
  return window.isSecureContext && "PublicKeyCredential" in window && "parseCreationOptionsFromJSON" in PublicKeyCredential;
}

function say(form, words) {
  const place = form.querySelector("[data-passkey-says]");
  place.textContent = words;
  place.hidden = !words;
}
