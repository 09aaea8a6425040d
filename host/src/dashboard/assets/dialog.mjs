// The page's one dialog: it says what will happen, asks, and shows the answer's text. The browser keeps focus in it (`showModal`).

import { element } from "./dom.mjs";

const dialog = document.getElementById("dialog");
let opener = null;

dialog.addEventListener("close", () => {
  if (opener?.isConnected) opener.focus();
  opener = null;
});

function open(title, ...content) {
  if (!dialog.open) opener = document.activeElement;
  dialog.replaceChildren(element("h2", { id: "dialog-title" }, title), ...content);
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("input, select") ?? dialog.querySelector("button"))?.focus();
}

const button = (text, attributes = {}, click = undefined) =>
  element("button", { type: "button", ...attributes, on: click ? { click } : {} }, text);

/**
 * Asks whether to do something, does it, and shows what came of it.
 * @param {{ title: string, says: string[], fields?: Element[], verb: string, act: () => Promise<string>, done?: () => void }} question
 */
export function ask({ title, says, fields = [], verb, act, done = () => {} }) {
  const answer = element("p", { class: "answer", role: "status" });
  const confirm = element("button", { class: "primary" }, verb);
  const cancel = button("Cancel", {}, () => dialog.close());
  const form = element("form", {
    on: {
      submit: async (event) => {
        event.preventDefault();
        confirm.disabled = true;
        answer.className = "answer";
        answer.textContent = "Asking the proxy …";
        try {
          answer.textContent = await act();
          answer.classList.add("good");
          cancel.textContent = "Close";
          confirm.remove();
          cancel.focus();
          done();
        } catch (error) {
          answer.textContent = error.message;
          answer.classList.add("bad");
          confirm.disabled = false;
        }
      },
    },
  }, ...says.map((text) => element("p", {}, text)), ...fields, answer, element("div", { class: "choices" }, cancel, confirm));
  open(title, form);
}

/** Asks for the admin token. Nothing else can be done before it is given. */
export function askToken(why, given) {
  const input = element("input", { type: "password", name: "token", autocomplete: "off", required: true });
  const form = element("form", {
    on: {
      submit: (event) => {
        event.preventDefault();
        dialog.close();
        given(input.value.trim());
      },
    },
  }, element("p", {}, why), element("p", { class: "hint" }, "It is kept until this tab is closed, and only sent to this proxy."),
  element("label", { class: "field" }, "Token ", input), element("div", { class: "choices" }, element("button", { class: "primary" }, "Use it")));
  open("The proxy asks for its admin token", form);
}
