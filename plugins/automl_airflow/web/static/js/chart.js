// Apache ECharts with the page's colours; text of experiments goes into it as canvas text or text nodes only.

import * as echarts from '../vendor/echarts.js';
import { h } from './dom.js';

/** A colour of the style sheet. @param {string} name */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Colours that are told apart by people who see red and green alike (Okabe and Ito, 2008), for lines. */
export const PALETTE = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

/** From low to high, even to the eye (viridis). */
export const SCALE = ['#440154', '#3b528b', '#21918c', '#5ec962', '#fde725'];

/** The same, light enough for a dark page. */
export const scale = () =>
  document.documentElement.dataset.theme === 'dark'
    ? ['#7a4fb5', ...SCALE.slice(1)]
    : SCALE.slice(0, 4).concat('#c9b400');

/**
 * What a tooltip shows.
 *
 * @param {string} title
 * @param {Array<[string, any]>} rows
 */
export function tip(title, rows) {
  return h(
    'div',
    { class: 'tip' },
    h('strong', {}, title),
    h(
      'dl',
      {},
      rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    ),
  );
}

/** An axis in the page's colours. @param {Record<string, any>} own */
export function axis(own) {
  const line = colour('line');
  const muted = colour('muted');
  return {
    nameLocation: 'middle',
    nameGap: 28,
    nameTextStyle: { color: muted },
    axisLine: { lineStyle: { color: line } },
    axisLabel: { color: muted, hideOverlap: true },
    splitLine: { lineStyle: { color: line, opacity: 0.6 } },
    scale: true,
    minorSplitLine: { show: false },
    ...own,
  };
}

/** The frame around a plot. @param {Record<string, any>} [own] */
export const frame = (own = {}) => ({ left: 64, right: 20, top: 34, bottom: 46, ...own });

/** A legend that names shapes. @param {Record<string, any>} [own] */
export const legend = (own = {}) => ({
  top: 0,
  left: 'center',
  textStyle: { color: colour('text') },
  inactiveColor: colour('line'),
  itemWidth: 12,
  itemHeight: 10,
  type: 'scroll',
  ...own,
});

/** One plot on the page. */
export class Chart {
  /** @param {HTMLElement} place @param {(params: any) => void} onClick */
  constructor(place, onClick) {
    this.place = place;
    this.chart = echarts.init(place, null, { renderer: 'canvas' });
    this.chart.on('click', onClick);
    new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = place;
      // the first call comes without a change, and each resize paints all anew
      if (width && height && (width !== this.chart.getWidth() || height !== this.chart.getHeight()))
        this.chart.resize();
    }).observe(place);
  }

  /** @param {Record<string, any>} option */
  draw(option) {
    const tooltip = {
      confine: true,
      backgroundColor: colour('card'),
      borderColor: colour('line'),
      textStyle: { color: colour('text') },
      ...option.tooltip,
    };
    this.chart.setOption({ animation: false, ...option, tooltip }, { notMerge: true });
  }
}
