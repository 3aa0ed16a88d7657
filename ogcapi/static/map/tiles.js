// Tile matrix sets, for OpenLayers.

import { Plane } from "./plane.js";

const fade = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200; // ms

// A tile matrix set as far as limits allow, for OpenLayers.
export class TileSet {
  constructor(entry, known, system) {
    const ol = window.ol;
    this.entry = entry;
    this.plane = new Plane(entry.crs, system);
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

  // The same place in the world that the tiles are of, where worlds repeat.
  wrapped([x, y]) {
    const [xmin, , xmax] = this.projection.getExtent();
    return [this.projection.isGlobal() ? x - (xmax - xmin) * Math.floor((x - xmin) / (xmax - xmin)) : x, y];
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
      transition: fade,
      tileUrlFunction: (coordinate) => {
        const href = this.address(template, coordinate);
        return href && size ? href + (href.includes("?") ? size : size.replace("&", "?")) : href;
      },
    });
  }

  // Outlines of the tiles, where a set is shown without data.
  outlines(color) {
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
