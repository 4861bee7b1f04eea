// No press of Generate is lost (form[data-order]). One that comes while the picture or the price is on its way waits for
// both; one during which the price arrived counts too. Either goes at the price that the button showed when it was
// pressed: the server refuses what costs more.
let asked = null;
let news = null;
let outdated = null;
let waiting = null;
let held = null;

const buttonIn = (form) => form.querySelector("#generate");
const priceIn = (form) => form.elements.shown?.value;
const isOpen = (xhr) => xhr.readyState > XMLHttpRequest.UNSENT && xhr.readyState < XMLHttpRequest.DONE;
const isUnderWay = (form) => form.matches("[data-uploading]") || (asked?.form === form && isOpen(asked.xhr));

function stop() {
  buttonIn(waiting.form)?.removeAttribute("aria-busy");
  waiting = null;
}

function go() {
  if (!waiting || isUnderWay(waiting.form)) return;
  const { form, price, send } = waiting;
  stop();
  if (!form.isConnected || !price || buttonIn(form)?.disabled !== false) return;
  form.elements.shown.value = price;
  send();
}

document.addEventListener("htmx:confirm", (event) => {
  const form = event.target;
  if (!form.matches("[data-order]")) return;
  held = null;
  if (!isUnderWay(form)) return;
  event.preventDefault();
  waiting = { form, price: priceIn(form), send: () => event.detail.issueRequest(true) };
  buttonIn(form)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:beforeSend", (event) => {
  const form = event.target.closest("[data-order]");
  if (form && form !== event.target) asked = { form, xhr: event.detail.xhr };
  if (event.target.id === "live") news = event.detail.xhr;
});
// News that were asked for before an order was answered may be older than it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.matches("[data-order]")) outdated = news;
  else if (event.detail.xhr === outdated) event.preventDefault();
});
// Later, because a request that another one takes the place of ends before that one begins.
document.addEventListener("htmx:afterRequest", () => setTimeout(go));
document.addEventListener("uploadend", (event) => {
  if (waiting && !event.detail.isKept) stop();
  else setTimeout(go);
});

// The browser sees no click where the button was replaced between press and release.
const isMain = (event) => (event instanceof MouseEvent ? event.button === 0 : event.key === " ");
const buttonOf = (event) => event.target.closest?.("[data-order] #generate");

function press(event) {
  const button = isMain(event) && buttonOf(event);
  held = button ? { button, price: priceIn(button.form) } : null;
}

function release(event) {
  const [pressed, button] = [held, buttonOf(event)];
  held = null;
  if (!pressed || pressed.button.isConnected || !button || button.disabled) return;
  button.form.elements.shown.value = pressed.price;
  button.form.requestSubmit(button);
}

for (const kind of ["mousedown", "keydown"]) document.addEventListener(kind, press);
for (const kind of ["mouseup", "keyup"]) document.addEventListener(kind, release);
