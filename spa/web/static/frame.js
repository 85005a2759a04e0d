// What every page has: talk to the job, build elements, the bar on top, keys and their help, the end.

export const facts = () => asked("facts");

/** Do something on the job's side; the answer as JSON, or an Error with the job's own words. */
export const act = (name, value, more = {}) => asked(`do/${name}`, {
  method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(value), ...more,
});

async function asked(path, options) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The job does not answer: it has ended or was stopped. What was saved is safe; start it again.");
  }
  const value = await reply.json();
  if (!reply.ok) throw new Error(value.error || reply.statusText);
  return value;
}

/** The address of a picture. */
export const picture = (name, words) => `picture/${name}?${new URLSearchParams(words)}`;

/** An element with properties (class, aria-…, on…) and children. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Say something to who cannot see it. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** The bar on top: a title, whatever stands between, and Done. */
export function bar(title, middle, onDone, doneText = "Done") {
  const help = el("button", {type: "button", onclick: () => document.querySelector("dialog.help")?.showModal(), "aria-keyshortcuts": "?"}, "Keys");
  const done = onDone && el("button", {type: "button", class: "main", id: "done", onclick: onDone}, doneText);
  return el("header", {class: "bar"}, el("span", {class: "mark"}, "spa"), el("h1", {}, title), ...middle, help, done);
}

/** Listen to keys, and list them in a dialog: rows of [keys, words, action]; keys as "n" or "Ctrl+z", several
 * by blanks; without words they are not listed, without an action they are only listed. Gives a function that ends it. */
export function keys(rows) {
  const actions = new Map(), until = new AbortController(), {signal} = until;
  for (const [names, , action] of rows) if (action) for (const name of names.split(" ")) actions.set(name, action);
  document.addEventListener("keydown", (event) => {
    const input = event.target.matches("input[type=text], input[type=number], select, textarea");
    if (input || document.querySelector("dialog[open]")) return;
    const slider = event.target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key);
    const button = event.target.matches("button") && (event.key === " " || event.key === "Enter");
    if (slider || button) return;
    const name = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey && event.key.length > 1 ? "Shift+" : "") +
      (event.key === " " ? "Space" : event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key);
    const action = actions.get(name);
    if (action && action(event) !== false) event.preventDefault();
  }, {signal});
  const list = el("dl", {class: "keys"});
  for (const [names, words] of rows.filter((row) => row[1])) {
    const shown = names.split(" ").slice(0, 4).flatMap((name, i) => [i ? " " : "", el("kbd", {}, name.replace("Arrow", ""))]);
    list.append(el("dt", {}, ...shown), el("dd", {}, words));
  }
  const dialog = el("dialog", {class: "help", "aria-label": "Keys"}, el("h2", {}, "Keys"), list,
    el("p", {}, el("button", {type: "button", onclick: () => dialog.close()}, "Close")));
  document.body.append(dialog);
  document.addEventListener("keydown", (event) => { if (event.key === "?") dialog.showModal(); }, {signal});
  return () => {
    until.abort();
    dialog.remove();
  };
}

/** End the job; the page says so, or why not. */
export async function finish(value, words = "The table has gone to the job's standard output.") {
  try {
    await act("done", value);
  } catch (error) {
    return trouble(error);
  }
  window.onbeforeunload = null;
  document.getElementById("app").replaceChildren(el("main", {class: "end"}, el("div", {}, el("h1", {}, "Done"), el("p", {}, `${words} This tab can be closed.`))));
  return true;
}

/** A dialog with what went wrong; a page that is done has no trouble. */
export function trouble(error) {
  if (document.querySelector("main.end")) return false;
  document.querySelector("dialog.trouble")?.remove();
  const dialog = el("dialog", {class: "trouble", "aria-label": "Trouble"}, el("h2", {}, "This did not work"), el("p", {}, error.message),
    el("p", {}, el("button", {type: "button", onclick: () => dialog.close()}, "Close")));
  document.body.append(dialog);
  dialog.showModal();
  return false;
}

/** A slider with its value beside its name; the element and its input. */
export function slider(name, {min, max, step = 1, value, text = String, oninput}) {
  const output = el("output", {}, text(value));
  const input = el("input", {type: "range", min, max, step, value, "aria-label": name});
  input.addEventListener("input", () => { output.textContent = text(Number(input.value)); oninput(Number(input.value)); });
  const set = (number) => { input.value = number; output.textContent = text(Number(input.value)); oninput(Number(input.value)); };
  return {element: el("label", {class: "slide"}, el("span", {}, name), output, input), input, set};
}

/** Buttons of which one is pressed. */
export function segments(name, choices, chosen, onchoose) {
  const buttons = choices.map(([value, text, title]) => el("button", {type: "button", title, onclick: () => choose(value)}, text));
  const choose = (value) => {
    choices.forEach(([one], i) => buttons[i].setAttribute("aria-pressed", one === value));
    onchoose(value);
  };
  choices.forEach(([one], i) => buttons[i].setAttribute("aria-pressed", one === chosen));
  return {element: el("div", {class: "segments", role: "group", "aria-label": name}, ...buttons), choose};
}

/** The last part of a path, and a long number with thin spaces. */
export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
export const grouped = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
