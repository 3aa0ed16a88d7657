// The live map: any tile matrix set of any body, each in its own coordinate reference system. What it shows comes from
// the documents in the page (#map-data) and from those that they link to.

import { around, graticule } from "./map/graticule.js";
import { TileSet } from "./map/tiles.js";
import { valuesAt } from "./map/values.js";
import { degrees, figures, metres, THIN } from "./map/words.js";

const section = document.getElementById("map");
const data = JSON.parse(document.getElementById("map-data").textContent);
const find = (selector) => section.querySelector(selector);
const duration = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200; // ms
const narrow = matchMedia("(max-width: 48rem)");
const patience = 400; // ms of loading that need no word

class LiveMap {
  constructor() {
    const ol = window.ol;
    this.choice = { set: data.sets[0].id, style: data.style, ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
    this.templates = new Map();
    this.layer = new ol.layer.Tile();
    this.lines = new ol.source.Vector({ wrapX: true });
    const stroke = (color, width) => new ol.style.Style({ stroke: new ol.style.Stroke({ color, width }) });
    this.net = new ol.layer.Vector({
      source: this.lines,
      style: [stroke("rgba(0, 0, 0, .22)", 2), stroke("rgba(255, 255, 255, .55)", 0.75)],
      updateWhileAnimating: true,
      updateWhileInteracting: true,
    });
    this.mark = new ol.source.Vector();
    const ring = (color, width) => new ol.style.Style({
      image: new ol.style.Circle({ radius: 5, stroke: new ol.style.Stroke({ color, width }) }),
    });
    const marks = new ol.layer.Vector({ source: this.mark, style: [ring("#000", 4), ring("#fff", 2)] });
    this.map = new ol.Map({
      target: find(".live"),
      layers: [this.layer, this.net, marks],
      controls: [],
      interactions: ol.interaction.defaults.defaults({ mouseWheelZoom: false, altShiftDragRotate: false, pinchRotate: false })
        .extend([new ol.interaction.MouseWheelZoom({ condition: ol.events.condition.focus })]),
    });
    this.map.on("pointermove", (event) => this.tellPosition(event.coordinate));
    this.map.getViewport().addEventListener("pointerleave", () => this.tellPosition(this.view.getCenter()));
    this.map.on("moveend", () => this.settle());
    this.map.on("loadstart", () => this.tellLoading(true));
    this.map.on("loadend", () => this.tellLoading(false));
    this.map.on("singleclick", (event) => this.tellValue(event.coordinate));
    this.bind();
  }

  get view() {
    return this.map.getView();
  }

  bind() {
    const panel = find(".panel");
    const fill = (name, entries, chosen) => {
      const select = panel.querySelector(`[name=${name}]`);
      select.replaceChildren(...entries.map(({ id, title }) => new Option(title, id, false, id === chosen)));
      select.closest("label").hidden = entries.length < 2;
      select.addEventListener("change", () => {
        this.choose({ [name]: select.value });
        if (!narrow.matches) return;
        panel.open = false; // it covers the map
        panel.querySelector("summary").focus();
      });
    };
    fill("set", data.sets, this.choice.set);
    fill("style", data.styles, this.choice.style);
    panel.querySelector("[name=opacity]").addEventListener("input", (event) => {
      this.layer.setOpacity(Number(event.target.value) / 100);
    });
    panel.querySelector("[name=graticule]").addEventListener("change", (event) => this.net.setVisible(event.target.checked));
    panel.open = !narrow.matches;
    for (const button of section.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const step = Number(button.dataset.zoom);
        if (step) this.view.animate({ resolution: this.view.getResolution() / 2 ** step, duration });
        else this.fit(duration);
      });
    }
  }

  async choose(change) {
    Object.assign(this.choice, "set" in change ? { at: "", zoom: "" } : {}, change);
    this.keepAddress();
    await this.show("set" in change);
  }

  keepAddress() {
    const query = new URLSearchParams(Object.entries(this.choice).filter(([, value]) => value));
    history.replaceState(null, "", `#${query}`.replaceAll("%2C", ","));
  }

  // Keep the place and the scale in the page's address, except those of the whole extent.
  keepPlace() {
    const [center, resolution] = [this.view.getCenter(), this.view.getResolution()];
    const isWhole = this.whole && Math.abs(resolution / this.whole.resolution - 1) < 1e-6
      && center.every((value, i) => Math.abs(value - this.whole.center[i]) < resolution);
    if (isWhole && !this.choice.zoom) return;
    const place = isWhole ? null : this.tiles.plane.toDegrees(center);
    const decimals = this.decimals() + 1;
    this.choice.at = place ? `${place[1].toFixed(decimals)},${place[0].toFixed(decimals)}` : "";
    this.choice.zoom = isWhole ? "" : this.view.getZoom().toFixed(2);
    this.keepAddress();
  }

  // Go where the page's address says, if it does.
  goTo({ at, zoom }) {
    const [lat, lon] = (at ?? "").split(",").map(Number);
    const center = at && this.tiles.plane.fromDegrees([lon, lat]);
    if (center && center.every(Number.isFinite)) this.view.setCenter(center);
    if (zoom && Number.isFinite(Number(zoom))) this.view.setZoom(Number(zoom));
  }

  // Draw the chosen set in the chosen style; from its whole extent where the set is new.
  async show(isNew) {
    const entry = data.sets.find(({ id }) => id === this.choice.set) ?? data.sets[0];
    const style = data.styles.find(({ id }) => id === this.choice.style);
    const reason = whyNot(entry);
    find(".live").hidden = Boolean(reason);
    find(".zoom").hidden = Boolean(reason);
    find(".margin").hidden = Boolean(reason);
    find(".panel").hidden = Boolean(reason) && data.sets.length < 2;
    find(".still")?.toggleAttribute("hidden", !reason);
    say(reason);
    const legend = find(".legend");
    legend.hidden = !style?.legend;
    if (style?.legend) Object.assign(legend, { src: style.legend, alt: `Legend: ${style.title}` });
    find(".value").hidden = true;
    this.mark.clear();
    for (const label of section.querySelectorAll("[data-live]")) label.hidden = Boolean(reason);
    if (reason) {
      this.tellLoading(false);
      return;
    }
    if (isNew) {
      this.tiles = new TileSet(entry, data.tileMatrixSets[entry.id], data.systems[entry.crs]);
      this.map.setView(this.viewOf(this.tiles));
      this.map.updateSize();
      this.fit(0);
      this.goTo(this.choice);
    }
    const template = await this.template(entry, style);
    const source = template ? this.tiles.pictures(template) : this.tiles.outlines(getComputedStyle(section).color);
    source.on("tileloaderror", () => say("Some tiles could not be loaded."));
    this.layer.setSource(source);
    find("[name=opacity]").closest("label").hidden = !template;
  }

  // The addresses of tiles: on the page for the default style, in the linked tilesets for others.
  async template(entry, style) {
    if (!style || style.id === data.style || !style.tilesets) return entry.item;
    if (!this.templates.has(style.id)) {
      const answer = await fetch(style.tilesets, { headers: { Accept: "application/json" } });
      this.templates.set(style.id, (await answer.json()).tilesets);
    }
    const links = this.templates.get(style.id).find((each) => each.tileMatrixSetId === entry.id).links;
    const items = links.filter(({ rel }) => rel === "item");
    return (items.find(({ type }) => type === "image/webp") ?? items[0]).href;
  }

  viewOf(tiles) {
    const [xmin, ymin, xmax, ymax] = tiles.projection.getExtent();
    const isGlobal = tiles.projection.isGlobal();
    return new window.ol.View({
      projection: tiles.projection,
      center: [(xmin + xmax) / 2, (ymin + ymax) / 2],
      extent: isGlobal ? [-Infinity, ymin, Infinity, ymax] : [xmin, ymin, xmax, ymax],
      constrainOnlyCenter: true,
      multiWorld: true,
      enableRotation: false,
      maxResolution: Math.max(xmax - xmin, ymax - ymin) / 200,
      minResolution: tiles.matrices.at(-1).cellSize / 16,
    });
  }

  // The whole extent; of a world that repeats, not much more than once.
  fit(duration) {
    const [width] = this.map.getSize();
    const { projection, data: box } = this.tiles;
    const extent = projection.getExtent();
    const widest = projection.isGlobal() ? (1.4 * (extent[2] - extent[0])) / width : Infinity;
    const needed = this.view.getResolutionForExtent(box, this.map.getSize().map((side) => side - 12));
    const center = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const resolution = this.view.getConstrainedResolution(Math.min(needed, widest));
    this.whole = { center, resolution };
    this.view.animate({ ...this.whole, duration });
  }

  // After every move: the scale bar, the graticule, and the centre where no pointer says otherwise.
  settle() {
    if (!this.tiles) return;
    const lines = graticule(this.tiles, this.view, this.map.getSize());
    this.lines.clear(true);
    this.lines.addFeatures(lines.map((line) => new window.ol.Feature(new window.ol.geom.LineString(line))));
    const perPixel = this.tiles.plane.distance(...around(this.view)) / 100;
    find(".scale").hidden = !(perPixel > 0);
    if (perPixel > 0) {
      const power = 10 ** Math.floor(Math.log10(perPixel * 118));
      const length = [5, 2, 1].find((digit) => digit * power <= perPixel * 118) * power;
      find(".length").textContent = metres(length);
      find(".rule").setAttribute("width", length / perPixel);
      find(".ink").setAttribute("width", length / perPixel / 2);
    }
    this.tellPosition(this.view.getCenter());
    this.keepPlace();
  }

  // Say that tiles are on their way, where it takes long enough to wonder.
  tellLoading(isLoading) {
    clearTimeout(this.waiting);
    if (isLoading) this.waiting = setTimeout(() => { find(".loading").textContent = "Loading…"; }, patience);
    else find(".loading").textContent = "";
  }

  // How many decimals of a degree a pixel is worth.
  decimals() {
    const { plane } = this.tiles;
    const resolution = this.view.getResolution();
    const perPixel = plane.isGeographic ? resolution : (resolution / plane.radius / Math.PI) * 180;
    return Math.min(7, Math.max(0, Math.ceil(-Math.log10(perPixel))));
  }

  tellPosition(position) {
    const { plane } = this.tiles;
    const resolution = this.view.getResolution();
    const place = plane.toDegrees(position);
    const decimals = this.decimals();
    find(".degrees").textContent = place
      ? `${degrees(place[1], decimals, "NS")}, ${degrees(place[0], decimals, "EW")}` : "beyond the map";
    const isShown = place && !plane.isGeographic;
    const digits = Math.max(0, Math.ceil(-Math.log10(resolution)));
    find(".plane").textContent = isShown
      ? plane.swap(this.tiles.wrapped(position)).map((value, i) => `${plane.axes[i][0]}${THIN}${figures(value, digits)}`).join(", ") + THIN + plane.unit
      : "";
  }

  async tellValue(position) {
    if (!data.coverage || !data.fields.length || !this.tiles.plane.uri.startsWith("http")) return;
    const output = find(".value");
    const place = find(".degrees").textContent;
    this.mark.clear();
    this.mark.addFeature(new window.ol.Feature(new window.ol.geom.Point(position)));
    output.hidden = false;
    output.textContent = "…";
    const values = await valuesAt(data, this.tiles, this.tiles.wrapped(position)).catch(() => "");
    output.textContent = values && `${values} at ${place}`;
    output.hidden = !values;
  }
}

// Why the live map cannot show a set; empty where it can.
const whyNot = ({ id, crs }) => {
  const matrices = data.tileMatrixSets[id]?.tileMatrices;
  if (!matrices || !data.systems[crs]?.proj4) return "The live map does not know this tile matrix set's system.";
  if (matrices.some((matrix) => matrix.variableMatrixWidths?.length)) {
    return "The rows of this set have tiles of several widths, which the live map cannot draw.";
  }
  return "";
};

const say = (text) => {
  const notice = find(".notice");
  notice.textContent = text;
  notice.hidden = !text;
};

const load = (src) => new Promise((resolve, reject) => {
  const script = Object.assign(document.createElement("script"), { src, onload: resolve });
  script.onerror = () => reject(new Error(`${src} was not loaded`));
  document.head.append(script);
});

if (data.sets.length) {
  try {
    await Promise.all([load(section.dataset.ol), load(section.dataset.proj4)]);
    find(".panel").hidden = false;
    await new LiveMap().show(true);
  } catch (error) {
    console.error(error);
    say("The live map could not be started.");
  }
}
