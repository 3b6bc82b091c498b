/**
 * Charts of another shape on the same time axis: they follow each other's zoom and instant.
 *
 * ECharts connects charts by numbers of series and points, which only charts of one shape share; between two such
 * groups it takes this bridge. Within a group, what happens in one chart is heard from every other.
 */

/** @typedef {{chart: any, y: number}} Side  `y`: within the uppermost grid, pixels */

/** @param {Side} one @param {Side} other */
export function link(one, other) {
  /** The instant both show; what the other side echoes is not sent back. @type {number | null} */
  let shown = null;
  const follow = (/** @type {Side} */ from, /** @type {Side} */ to) => {
    from.chart.on("updateAxisPointer", (/** @type {any} */ { axesInfo }) => {
      const at_s = axesInfo?.length ? axesInfo[0].value : null;
      if (at_s === shown) return;
      shown = at_s;
      const x = at_s === null ? undefined : to.chart.convertToPixel({ xAxisIndex: 0 }, at_s);
      to.chart.dispatchAction({ type: "updateAxisPointer", currTrigger: at_s === null ? "leave" : "mousemove", x, y: to.y });
    });
    from.chart.on("dataZoom", () => {
      const [{ start, end }] = from.chart.getOption().dataZoom;
      const [now] = to.chart.getOption().dataZoom;
      if (now.start !== start || now.end !== end) to.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, start, end });
    });
  };
  follow(one, other);
  follow(other, one);
}
