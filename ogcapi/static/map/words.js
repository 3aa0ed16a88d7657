// Numbers and places as people read them, as in the pages themselves.

export const THIN = "\u202f"; // narrow no-break space

export const figures = (value, decimals) => value.toFixed(decimals).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212")
  .replace(/\d+/, (whole) => (whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, THIN)));

export const degrees = (value, decimals, letters) => {
  const text = figures(Math.abs(value), decimals);
  return `${text}°` + (Number(value.toFixed(decimals)) === 0 ? "" : THIN + letters[value > 0 ? 0 : 1]);
};

export const metres = (value) => (value >= 1000 ? `${figures(value / 1000, 0)}${THIN}km`
  : value >= 1 ? `${figures(value, 0)}${THIN}m` : `${figures(value * 100, 0)}${THIN}cm`);
