// The live map: any tile matrix set of any body, each in its own coordinate reference system. What it shows comes from
// the documents in the page (#map-data) and from those that they link to. Coordinates are x, y here; a system's own
// axis order only where texts and documents are read or written.

const section = document.getElementById("map");
const data = JSON.parse(document.getElementById("map-data").textContent);
const find = (selector) => section.querySelector(selector);
const THIN = "\u202f";
const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const duration = isCalm ? 0 : 200; // ms

// ---------------------------------------------------------------- words

const figures = (value, decimals) => value.toFixed(decimals).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212")
  .replace(/\d+/, (whole) => (whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, THIN)));

const degrees = (value, decimals, letters) => {
  const text = figures(Math.abs(value), decimals);
  return `${text}°` + (Number(value.toFixed(decimals)) === 0 ? "" : THIN + letters[value > 0 ? 0 : 1]);
};

const metres = (value) => (value >= 1000 ? `${figures(value / 1000, 0)}${THIN}km`
  : value >= 1 ? `${figures(value, 0)}${THIN}m` : `${figures(value * 100, 0)}${THIN}cm`);

// ---------------------------------------------------------------- systems

class Plane {
  // A coordinate reference system: where its positions lie on the body, in degrees.
  constructor(uri, system) {
    this.uri = uri;
    this.axes = system.axes;
    const [[name, first], [, second]] = system.axes;
    this.isYx = (first === "north" && second === "east") || (first !== "east" && /^(N|Lat)/.test(name));
    this.unit = system.unit;
    this.converter = window.proj4(system.proj4);
    this.isGeographic = system.geographic;
    this.radius = new window.proj4.Proj(system.proj4).a; // metres
    this.period = this.isGeographic ? 360 : this.measurePeriod();
  }

  swap([first, second]) {
    return this.isYx ? [second, first] : [first, second];
  }

  // [longitude, latitude] of a position, or null off the globe.
  toDegrees(position) {
    const [lon, lat] = this.isGeographic ? position : this.attempt("inverse", position);
    if (!Number.isFinite(lon) || !Number.isFinite(lat) || Math.abs(lat) > 90.000001) return null;
    return [lon - 360 * Math.floor((lon + 180) / 360), lat];
  }

  fromDegrees(position) {
    return this.isGeographic ? position : this.attempt("forward", position);
  }

  attempt(direction, position) {
    try {
      return this.converter[direction](position);
    } catch {
      return [NaN, NaN]; // proj4js throws for some places that a projection cannot show
    }
  }

  // How far apart in x the same meridian comes again, where a projection repeats; else null.
  measurePeriod() {
    const [origin] = this.fromDegrees([0, 0]);
    const [x45] = this.fromDegrees([45, 0]);
    const [x90] = this.fromDegrees([90, 0]);
    const [high] = this.fromDegrees([90, 60]);
    const isEven = Math.abs(x90 - origin - 2 * (x45 - origin)) < 1 && Math.abs(high - x90) < 1;
    return isEven ? 4 * (x90 - origin) : null;
  }

  // Metres on the ground between two positions; NaN off the globe.
  distance(one, other) {
    const [a, b] = [this.toDegrees(one), this.toDegrees(other)];
    if (!a || !b) return NaN;
    const [lon1, lat1, lon2, lat2] = [...a, ...b].map((angle) => (angle * Math.PI) / 180);
    const half = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2;
    return 2 * this.radius * Math.asin(Math.min(1, Math.sqrt(half)));
  }
}

// ---------------------------------------------------------------- tiles

// A tile matrix set as far as limits allow, for OpenLayers.
class TileSet {
  constructor(entry) {
    const ol = window.ol;
    this.entry = entry;
    const known = data.tileMatrixSets[entry.id];
    this.plane = new Plane(entry.crs, data.systems[entry.crs]);
    this.limits = entry.limits && new Map(entry.limits.map((limit) => [limit.tileMatrix, limit]));
    this.matrices = known.tileMatrices
      .filter((matrix) => !this.limits || this.limits.has(matrix.id))
      .sort((one, other) => other.cellSize - one.cellSize);
    this.boxes = this.matrices.map((matrix) => this.boxOf(matrix));
    const whole = this.boxes.reduce((box, more) => ol.extent.extend(box, more), [...this.boxes[0]]);
    const { period } = this.plane;
    const isWhole = period && this.boxes.every((box) => Math.abs(box[2] - box[0] - period) < 1e-6 * period);
    this.projection = new ol.proj.Projection({
      code: entry.id,
      units: this.plane.isGeographic ? "degrees" : "m",
      extent: whole,
      global: Boolean(isWhole),
    });
    this.grid = new ol.tilegrid.TileGrid({
      extent: whole,
      resolutions: this.matrices.map((matrix) => matrix.cellSize),
      origins: this.boxes.map((box) => [box[0], box[3]]),
      sizes: this.matrices.map((matrix) => [matrix.matrixWidth, matrix.matrixHeight]),
      tileSizes: this.matrices.map((matrix) => [matrix.tileWidth, matrix.tileHeight]),
    });
    this.data = entry.box ? [...this.plane.swap(entry.box.lowerLeft), ...this.plane.swap(entry.box.upperRight)] : whole;
  }

  boxOf(matrix) {
    const [x, y] = this.plane.swap(matrix.pointOfOrigin);
    const width = matrix.matrixWidth * matrix.tileWidth * matrix.cellSize;
    const height = matrix.matrixHeight * matrix.tileHeight * matrix.cellSize;
    return matrix.cornerOfOrigin === "bottomLeft" ? [x, y, x + width, y + height] : [x, y - height, x + width, y];
  }

  // The tile's address in the template; undefined where there is none.
  address(template, [z, col, fromTop]) {
    const matrix = this.matrices[z];
    const row = matrix.cornerOfOrigin === "bottomLeft" ? matrix.matrixHeight - 1 - fromTop : fromTop;
    const limit = this.limits?.get(matrix.id);
    const isOut = limit
      && (row < limit.minTileRow || row > limit.maxTileRow || col < limit.minTileCol || col > limit.maxTileCol);
    if (isOut) return undefined;
    const place = { tileMatrix: encodeURIComponent(matrix.id), tileRow: row, tileCol: col };
    return template.replace(/\{(tileMatrix|tileRow|tileCol)\}/g, (_, name) => place[name]);
  }

  // Tiles from the service, twice as dense on dense screens.
  pictures(template) {
    const tile = this.matrices[0];
    const ratio = window.devicePixelRatio > 1.3 && Math.max(tile.tileWidth, tile.tileHeight) <= 512 ? 2 : 1;
    const size = ratio === 1 ? "" : `&width=${tile.tileWidth * 2}&height=${tile.tileHeight * 2}`;
    return new window.ol.source.TileImage({
      projection: this.projection,
      tileGrid: this.grid,
      tilePixelRatio: ratio,
      wrapX: this.projection.isGlobal(),
      transition: duration,
      tileUrlFunction: (coordinate) => {
        const href = this.address(template, coordinate);
        return href && size ? href + (href.includes("?") ? size : size.replace("&", "?")) : href;
      },
    });
  }

  // Outlines of the tiles, where a set is shown without data.
  outlines() {
    const color = getComputedStyle(section).getPropertyValue("color");
    return new window.ol.source.TileImage({
      projection: this.projection,
      tileGrid: this.grid,
      wrapX: this.projection.isGlobal(),
      transition: 0,
      tileUrlFunction: (coordinate) => this.address("{tileMatrix} / {tileRow} / {tileCol}", coordinate),
      tileLoadFunction: (tile, label) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 512, height: 512 });
        const context = canvas.getContext("2d");
        Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: 2, textAlign: "center" });
        context.font = "28px system-ui, sans-serif";
        context.strokeRect(0, 0, 512, 512);
        context.fillText(decodeURIComponent(label), 256, 266);
        tile.getImage().src = canvas.toDataURL();
      },
    });
  }
}

// ---------------------------------------------------------------- graticule

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];

// Meridians and parallels that are about 100 pixels apart, as far as they are in view.
const graticule = (tiles, view, size) => {
  const { plane } = tiles;
  const extent = view.calculateExtent(size);
  const samples = [];
  for (let i = 0; i <= 16; i += 1) {
    for (let j = 0; j <= 16; j += 1) {
      const at = [extent[0] + ((extent[2] - extent[0]) * i) / 16, extent[1] + ((extent[3] - extent[1]) * j) / 16];
      samples.push(plane.toDegrees(at));
    }
  }
  const seen = samples.filter(Boolean);
  if (!seen.length) return [];
  const metresPerPixel = plane.distance(...around(view)) / 100;
  const wanted = ((metresPerPixel * 100) / plane.radius / Math.PI) * 180;
  const step = STEPS.findLast((each) => each >= wanted) ?? STEPS[0];
  const lats = seen.map(([, lat]) => lat);
  const lons = seen.map(([lon]) => lon);
  const isWide = step >= 5 || Math.max(...lons) - Math.min(...lons) > 180;
  const [west, east] = isWide ? [-180, 180] : [Math.min(...lons) - step, Math.max(...lons) + step];
  const [south, north] = isWide ? [-90, 90] : [Math.min(...lats) - step, Math.max(...lats) + step];
  const bound = window.ol.extent.buffer(tiles.projection.getExtent(), 1e-6);
  const lines = [];
  const draw = (from, to) => {
    let line = [];
    for (let i = 0; i <= 180; i += 1) {
      const at = plane.fromDegrees([from[0] + ((to[0] - from[0]) * i) / 180, from[1] + ((to[1] - from[1]) * i) / 180]);
      if (at.every(Number.isFinite) && window.ol.extent.containsCoordinate(bound, at)) {
        line.push(at);
      } else {
        lines.push(line);
        line = [];
      }
    }
    lines.push(line);
  };
  const first = (low) => Math.ceil(low / step - 1e-9) * step;
  for (let lon = first(west); lon <= Math.min(east, 180); lon += step) {
    draw([lon, Math.max(south, -90)], [lon, Math.min(north, 90)]);
  }
  for (let lat = first(Math.max(south, -90 + step)); lat <= Math.min(north, 90 - step) + 1e-9; lat += step) {
    draw([west, lat], [east, lat]);
  }
  return lines.filter((line) => line.length > 1);
};

// Two positions 50 pixels left and right of the centre.
const around = (view) => {
  const [x, y] = view.getCenter();
  const half = 50 * view.getResolution();
  return [[x - half, y], [x + half, y]];
};

// ---------------------------------------------------------------- values

const NPY_TYPES = {
  b1: "Int8", u1: "Uint8", i2: "Int16", u2: "Uint16", i4: "Int32", u4: "Uint32", f4: "Float32", f8: "Float64",
};

// The numbers of a NumPy array file.
const readNpy = (buffer) => {
  const view = new DataView(buffer);
  const wide = view.getUint8(6) > 1;
  const start = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(buffer.slice(10, start));
  const [, order, type] = header.match(/'descr': *'([<>|=])(\w+)'/);
  const kind = NPY_TYPES[type === "i1" ? "b1" : type];
  const bytes = Number(type.slice(1));
  return Array.from({ length: (buffer.byteLength - start) / bytes }, (_, i) =>
    view[`get${kind}`](start + i * bytes, order !== ">"));
};

// The values of all fields at a position, as text.
const valuesAt = async (tiles, [x, y]) => {
  const { plane } = tiles;
  const half = tiles.matrices.at(-1).cellSize / 100;
  const corners = [...plane.swap([x - half, y - half]), ...plane.swap([x + half, y + half])];
  const query = new URLSearchParams({
    f: "npy", bbox: corners.join(","), "bbox-crs": plane.uri, crs: plane.uri, width: 1, height: 1,
  });
  const answer = await fetch(`${data.coverage}${data.coverage.includes("?") ? "&" : "?"}${query}`);
  if (!answer.ok) return "";
  const values = readNpy(await answer.arrayBuffer());
  return data.fields.map(({ title, unit, nulls }, i) => {
    const value = values[i];
    const isNone = Number.isNaN(value) || nulls.includes(value);
    const decimals = Number.isInteger(value) ? 0 : Math.max(0, 5 - Math.ceil(Math.log10(Math.abs(value) + 1)));
    return `${title} ${isNone ? "no data" : figures(value, decimals) + (unit ? THIN + unit : "")}`;
  }).join(" · ");
};

// ---------------------------------------------------------------- the map

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
      select.addEventListener("change", () => this.choose({ [name]: select.value }));
    };
    fill("set", data.sets, this.choice.set);
    fill("style", data.styles, this.choice.style);
    panel.querySelector("[name=opacity]").addEventListener("input", (event) => {
      this.layer.setOpacity(Number(event.target.value) / 100);
    });
    panel.querySelector("[name=graticule]").addEventListener("change", (event) => this.net.setVisible(event.target.checked));
    panel.open = innerWidth > 768;
    for (const button of section.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const step = Number(button.dataset.zoom);
        if (step) this.view.animate({ resolution: this.view.getResolution() / 2 ** step, duration });
        else this.fit(duration);
      });
    }
  }

  async choose(change) {
    Object.assign(this.choice, change);
    history.replaceState(null, "", `#${new URLSearchParams(Object.entries(this.choice).filter(([, value]) => value))}`);
    await this.show("set" in change);
  }

  // Draw the chosen set in the chosen style; from its whole extent where the set is new.
  async show(isNew) {
    const entry = data.sets.find(({ id }) => id === this.choice.set) ?? data.sets[0];
    const style = data.styles.find(({ id }) => id === this.choice.style);
    const reason = whyNot(entry);
    find(".live").hidden = Boolean(reason);
    find(".zoom").hidden = Boolean(reason);
    find(".margin").hidden = Boolean(reason);
    find(".still")?.toggleAttribute("hidden", !reason);
    say(reason);
    const legend = find(".legend");
    legend.hidden = !style?.legend;
    if (style?.legend) Object.assign(legend, { src: style.legend, alt: `Legend: ${style.title}` });
    find(".value").hidden = true;
    this.mark.clear();
    for (const label of section.querySelectorAll("[data-live]")) label.hidden = Boolean(reason);
    if (reason) return;
    if (isNew) {
      this.tiles = new TileSet(entry);
      this.map.setView(this.viewOf(this.tiles));
      this.map.updateSize();
      this.fit(0);
    }
    const template = await this.template(entry, style);
    const source = template ? this.tiles.pictures(template) : this.tiles.outlines();
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
    this.view.animate({ center, resolution: Math.min(needed, widest), duration });
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
  }

  tellPosition(position) {
    const { plane } = this.tiles;
    const resolution = this.view.getResolution();
    const place = plane.toDegrees(position);
    const perPixel = plane.isGeographic ? resolution : (resolution / plane.radius / Math.PI) * 180;
    const decimals = Math.min(7, Math.max(0, Math.ceil(-Math.log10(perPixel))));
    find(".degrees").textContent = place
      ? `${degrees(place[1], decimals, "NS")}, ${degrees(place[0], decimals, "EW")}` : "beyond the map";
    const isShown = place && !plane.isGeographic;
    const [xmin, , xmax] = this.tiles.projection.getExtent();
    const x = this.tiles.projection.isGlobal() ? position[0] - (xmax - xmin) * Math.floor((position[0] - xmin) / (xmax - xmin)) : position[0];
    const digits = Math.max(0, Math.ceil(-Math.log10(resolution)));
    find(".plane").textContent = isShown
      ? plane.swap([x, position[1]]).map((value, i) => `${plane.axes[i][0]}${THIN}${figures(value, digits)}`).join(", ") + THIN + plane.unit
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
    const values = await valuesAt(this.tiles, position).catch(() => "");
    output.textContent = values && `${values} at ${place}`;
    output.hidden = !values;
  }
}

// Why the live map cannot show a set; empty where it can.
const whyNot = ({ id, crs }) => {
  const matrices = data.tileMatrixSets[id]?.tileMatrices;
  if (!matrices || !data.systems[crs]?.proj4) return "The live map does not know this tile matrix set's system.";
  if (matrices.some((matrix) => matrix.variableMatrixWidths?.length)) {
    return "The rows of this set have tiles of several widths, which the live map cannot draw. Its addresses are on this page.";
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
