// Keys for whoever likes them; every page works without. Single keys can be switched off, and are off in fields.
"use strict";
const SWITCH = "regulars.keys";
const button = document.querySelector(".keys");
let isGoing = false;

const areOn = () => localStorage.getItem(SWITCH) !== "off";
const say = () => {
  button.textContent = areOn() ? "Keys are on" : "Keys are off";
  button.setAttribute("aria-pressed", String(areOn()));
};
button.hidden = false;
button.addEventListener("click", () => {
  localStorage.setItem(SWITCH, areOn() ? "off" : "on");
  say();
});
say();

// Rows are walked by their own links, so that Enter opens and what reads the screen follows.
const walk = (by) => {
  const links = [...document.querySelectorAll("main tbody th a")];
  const place = links.indexOf(document.activeElement);
  const next = links[place < 0 ? (by > 0 ? 0 : links.length - 1) : place + by];
  if (next) next.focus();
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (!areOn() || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key;
  const place = isGoing && document.querySelector(`.rail a[data-key="${CSS.escape(key)}"]`);
  if (place) place.click();
  isGoing = key === "g";
  if (key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  }
  if (key === "j") walk(1);
  if (key === "k") walk(-1);
});
