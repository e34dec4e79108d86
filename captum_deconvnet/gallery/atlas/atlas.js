"use strict";
const find = (id) => document.getElementById(id);
const dialog = find("map");
let layer = ATLAS.layers[0];
let maps = [];
let open = -1;

function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

function number(value) {
  return Number(value.toPrecision(4)).toString();
}

function strip(map) {
  return `atlas/maps/${encodeURIComponent(layer.layer)}/${map.channel}.jpg`;
}

// One tile of a map's strip: its projections are the upper row, its patches the lower one.
function tile(map, rank, row) {
  const made = element("span", { className: "tile" });
  const across = ATLAS.k > 1 ? (100 * rank) / (ATLAS.k - 1) : 0;
  made.style.backgroundImage = `url("${strip(map)}")`;
  made.style.backgroundSize = `${100 * ATLAS.k}% 200%`;
  made.style.backgroundPosition = `${across}% ${100 * row}%`;
  return made;
}

function grid(map, row) {
  const made = element("span", { className: "grid" });
  made.style.gridTemplateColumns = `repeat(${Math.ceil(Math.sqrt(ATLAS.k))}, 1fr)`;
  map.top.forEach((unit, rank) => made.append(tile(map, rank, row)));
  return made;
}

function peak(map) {
  return map.top.length ? map.top[0].activation : -Infinity;
}

const ORDERS = {
  channel: (a, b) => a.channel - b.channel,
  strongest: (a, b) => peak(b) - peak(a),
  rarest: (a, b) => a.active_share - b.active_share,
};

function card(map, place) {
  const head = element("strong", { textContent: `Map ${map.channel}` });
  const state = map.dead ? element("span", { className: "dead", textContent: " dead" }) : "";
  const strongest = map.top.length ? `  strongest ${number(peak(map))}` : "";
  const made = element("button", { className: "card" }, head, strongest, state);
  const pair = element("span", { className: "pair" }, grid(map, 0), grid(map, 1));
  made.append(pair);
  made.dataset.channel = map.channel;
  made.addEventListener("click", () => show(place));
  return made;
}

function showLayer() {
  layer = ATLAS.layers[find("layer").selectedIndex];
  maps = [...layer.maps].sort(ORDERS[find("order").value]);
  const dead = layer.dead_maps === 1 ? "1 map is dead" : `${layer.dead_maps} maps are dead`;
  find("about").textContent =
    `${maps.length} of ${layer.maps_in_layer} maps; ${layer.sees}; ${dead}. ` +
    `Left ${ATLAS.relu || "deconvnet"} projections, each stretched about mid grey by its own factor; right what they saw.` +
    (ATLAS.colours ? ` Shown: ${ATLAS.colours}.` : "");
  find("maps").replaceChildren(...maps.map(card));
}

function source(unit) {
  const image = element("img", { src: `atlas/images/${unit.image}.jpg`, alt: unit.name, loading: "lazy" });
  const made = element("span", { className: "source" }, image);
  image.addEventListener("load", () => {
    const [top, left, bottom, right] = unit.box;
    const box = element("span", { className: "box" });
    box.style.left = `${(100 * left) / image.naturalWidth}%`;
    box.style.top = `${(100 * top) / image.naturalHeight}%`;
    box.style.width = `${(100 * (right - left)) / image.naturalWidth}%`;
    box.style.height = `${(100 * (bottom - top)) / image.naturalHeight}%`;
    made.append(box);
  });
  return made;
}

function figure(map, unit, rank) {
  const views = element("div", { className: "views" }, tile(map, rank, 0), tile(map, rank, 1), source(unit));
  const contrast = unit.contrast ? `contrast \u00d7${number(unit.contrast)}` : "all zero";
  const caption = `${rank + 1}. ${unit.name}: activation ${number(unit.activation)} at row ${unit.row}, column ${unit.column}; ${contrast}`;
  return element("figure", {}, views, element("figcaption", { textContent: caption }));
}

function show(place) {
  if (place < 0 || place >= maps.length) return;
  open = place;
  const map = maps[place];
  find("map-title").textContent = `${layer.layer}, map ${map.channel}`;
  find("statistics").textContent =
    `Mean activation ${number(map.mean)}; above zero in ${number(100 * map.active_share)} % of ${images}` +
    (map.dead ? "; dead." : ".");
  find("units").replaceChildren(...map.top.map((unit, rank) => figure(map, unit, rank)));
  find("before").disabled = place === 0;
  find("after").disabled = place === maps.length - 1;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function focusCard(place) {
  const cards = find("maps").children;
  if (place >= 0 && place < cards.length) cards[place].focus();
}

// How many cards stand beside each other, for the keys up and down.
function perRow() {
  const cards = [...find("maps").children];
  return Math.max(1, cards.filter((each) => each.offsetTop === cards[0].offsetTop).length);
}

function moveFocus(event) {
  const place = [...find("maps").children].indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow(), ArrowUp: -perRow() };
  if (place < 0 || !(event.key in steps)) return;
  event.preventDefault();
  focusCard(place + steps[event.key]);
}

function turn(event) {
  if (event.key === "ArrowRight") show(open + 1);
  else if (event.key === "ArrowLeft") show(open - 1);
  else return;
  event.preventDefault();
}

function goTo() {
  const place = maps.findIndex((map) => map.channel === Number(find("go").value));
  if (find("go").value !== "") focusCard(place);
}

const images = ATLAS.images === 1 ? "1 image" : `${ATLAS.images} images`;
const left = ATLAS.left_out.length ? `, ${ATLAS.left_out.length} left out` : "";
document.title = `${ATLAS.model}: atlas`;
find("title").textContent = `${ATLAS.model}, weights ${ATLAS.weights}: top ${ATLAS.k} of ${images}${left}`;
find("layer").append(...ATLAS.layers.map((each) => element("option", { textContent: each.layer })));
find("layer").addEventListener("change", showLayer);
find("order").addEventListener("change", showLayer);
find("go").addEventListener("change", goTo);
find("maps").addEventListener("keydown", moveFocus);
find("before").addEventListener("click", () => show(open - 1));
find("after").addEventListener("click", () => show(open + 1));
find("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("keydown", turn);
dialog.addEventListener("close", () => focusCard(open));
showLayer();
