// The body map: one part of the body at a time, and choosing a place by pointer or by keyboard.
//
// A place is chosen for the form that `data-pick` names: its fields `spot`, `point`, `body_site` and
// `laterality` follow the map, and the map follows `spot`. The server checks what is sent.

const SVG = "http://www.w3.org/2000/svg";
const STEP = { near: 2, far: 12 }; // units of a view
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Tabs: the group with the hash's or the first marker is shown, the others wait. */
function showGroups(map) {
  const tabs = [...map.querySelectorAll(".map__tabs button")];
  const groups = [...map.querySelectorAll(".map__group")];
  if (!tabs.length) return;
  const show = (key) => {
    for (const group of groups) group.hidden = group.dataset.group !== key;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.group === key));
  };
  for (const tab of tabs) tab.addEventListener("click", () => show(tab.dataset.group));
  map.addEventListener("map:show", (event) => show(event.detail));
  tabs[0].parentElement.hidden = false;
  show(groups[0].dataset.group);
}

function choosing(map, form) {
  const { spot, point, body_site: site, laterality: side } = form.elements;
  const said = map.querySelector(".map__said");
  const drawings = new Map();
  let chosen = null;
  let following = false; // the fields are being set by the map

  for (const svg of map.querySelectorAll(".map__svg")) {
    const drawing = new Drawing(svg, map.dataset.sayAim);
    drawings.set(drawing.view, drawing);
    svg.addEventListener("click", (event) => {
      if (!event.target.closest("a")) choose(drawing, drawing.at(event));
    });
    drawing.pad.addEventListener("keydown", (event) => steer(event, drawing));
    drawing.pad.addEventListener("focus", () => drawing.aim());
    drawing.pad.addEventListener("blur", () => drawing.aimAt(chosen === drawing ? chosen.place : null));
  }

  function steer(event, drawing) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in ARROWS) {
      const [across, down] = ARROWS[event.key];
      const step = event.shiftKey ? STEP.far : STEP.near;
      drawing.aimAt([drawing.cross[0] + across * step, drawing.cross[1] + down * step]);
      tell(nameOf(drawing.regionAt(drawing.cross)) ?? map.dataset.sayBeside);
    } else if (event.key === "Enter" || event.key === " ") {
      choose(drawing, drawing.cross);
    } else return;
    event.preventDefault();
  }

  function choose(drawing, place) {
    const region = drawing.regionAt(place);
    if (!region) return tell(map.dataset.sayBeside);
    mark(drawing, place);
    following = true;
    spot.value = `${drawing.view}:${region.dataset.region}`;
    point.value = [spot.value, ...drawing.fractions(place)].join(":");
    site.value = region.dataset.site;
    site.dispatchEvent(new Event("change", { bubbles: true }));
    side.value = sideOf(region);
    following = false;
    tell(`${map.dataset.sayChosen} ${nameOf(region)}`);
  }

  function mark(drawing, place) {
    for (const each of drawings.values()) if (each !== drawing) each.choose(null);
    drawing.choose(place);
    chosen = drawing;
  }

  function forget() {
    if (chosen) chosen.choose(null);
    chosen = null;
    spot.value = point.value = "";
    tell(map.dataset.sayNone);
  }

  const tell = (sentence) => {
    if (said.textContent !== sentence) said.textContent = sentence;
  };

  spot.addEventListener("change", () => {
    const [view, region] = spot.value.split(":");
    const drawing = drawings.get(view);
    if (!drawing) return forget();
    map.dispatchEvent(new CustomEvent("map:show", { detail: drawing.group }));
    choose(drawing, drawing.middleOf(region));
  });
  // Somebody knows better than the map: the place is taken back.
  for (const field of [site, side]) {
    field.addEventListener("change", () => {
      if (!following && chosen) forget();
    });
  }

  const [view, , x, y] = point.value.split(":");
  if (drawings.has(view)) {
    const drawing = drawings.get(view);
    map.dispatchEvent(new CustomEvent("map:show", { detail: drawing.group }));
    mark(drawing, [x * drawing.width, y * drawing.height]);
  }
}

/** A view's figure: regions lie over each other, the last that holds a point is the one. */
class Drawing {
  constructor(svg, instructions) {
    this.svg = svg;
    this.view = svg.dataset.view;
    this.group = svg.closest(".map__group")?.dataset.group;
    ({ width: this.width, height: this.height } = svg.viewBox.baseVal);
    this.outline = svg.querySelector(".map__body");
    this.regions = [...svg.querySelectorAll(".map__region")].reverse();
    this.place = null;
    this.cross = [this.width / 2, this.height / 3];
    this.sight = drawn("path", {
      class: "map__sight", d: "M-14 0H-4M4 0H14M0-14V-4M0 4V14", "aria-hidden": "true",
    });
    this.sight.setAttribute("visibility", "hidden");
    this.pin = drawn("path", {
      class: "map__pin", d: "M-5-5L5 5M5-5L-5 5", "aria-hidden": "true", visibility: "hidden",
    });
    this.pad = drawn("rect", {
      class: "map__pad", x: 1, y: 1, width: this.width - 2, height: this.height - 2, rx: 4,
      tabindex: 0, role: "application",
      "aria-label": `${svg.getAttribute("aria-label")}. ${instructions}`,
    });
    svg.prepend(this.pad);
    svg.append(this.pin, this.sight);
  }

  at(event) {
    const place = new DOMPoint(event.clientX, event.clientY);
    const { x, y } = place.matrixTransform(this.svg.getScreenCTM().inverse());
    return [x, y];
  }

  regionAt([x, y]) {
    const place = new DOMPoint(x, y);
    if (!this.outline.isPointInFill(place)) return undefined;
    return this.regions.find((region) => region.isPointInFill(place));
  }

  fractions([x, y]) {
    return [(x / this.width).toFixed(4), (y / this.height).toFixed(4)];
  }

  /** Of a grid over a region, the visible point that is farthest from its other points' rim. */
  middleOf(key) {
    let best = null;
    for (const region of this.regions.filter((each) => each.dataset.region === key)) {
      const { x, y, width, height } = region.getBBox();
      const inside = [];
      for (let row = 0; row <= 16; row += 1) {
        for (let column = 0; column <= 16; column += 1) {
          const place = [x + (width * column) / 16, y + (height * row) / 16];
          if (this.regionAt(place)?.dataset.region === key) inside.push(place);
        }
      }
      if (inside.length > (best?.length ?? 0)) best = inside;
    }
    const middle = [0, 1].map((axis) => best.reduce((sum, p) => sum + p[axis], 0) / best.length);
    const far = ([x, y]) => (x - middle[0]) ** 2 + (y - middle[1]) ** 2;
    return best.reduce((near, place) => (far(place) < far(near) ? place : near));
  }

  choose(place) {
    this.place = place;
    if (place) this.cross = place;
    move(this.pin, place);
    if (document.activeElement !== this.pad) move(this.sight, null);
  }

  aim() {
    this.aimAt(this.cross);
  }

  aimAt(place) {
    if (document.activeElement !== this.pad) return move(this.sight, null);
    const clamp = (value, most) => Math.min(Math.max(value, 0), most);
    this.cross = [clamp(place[0], this.width), clamp(place[1], this.height)];
    move(this.sight, this.cross);
  }
}

const nameOf = (region) => region?.querySelector("title").textContent;

const sideOf = (region) => /_(left|right)$/.exec(region.dataset.region)?.[1] ?? "midline";

function drawn(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function move(element, place) {
  element.setAttribute("visibility", place ? "visible" : "hidden");
  if (place) element.setAttribute("transform", `translate(${place[0]} ${place[1]})`);
}

for (const map of document.querySelectorAll(".map")) {
  showGroups(map);
  const form = document.getElementById(map.dataset.pick);
  if (form) choosing(map, form);
}
