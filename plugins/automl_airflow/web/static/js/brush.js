// A rectangle that is drawn over a plot with the pointer, and what of its axes lies inside.

import { h } from './dom.js';

/** Pixels that the pointer has to move before it is no click any more. */
const LEAST = 6;

/**
 * Lets a person draw a rectangle over a plot's grid.
 *
 * @param {HTMLElement} place of the plot
 * @param {any} chart of ECharts
 * @param {(x: [number, number], y: [number, number]) => void} drawn values of the axes; of a category axis its places
 */
export function brush(place, chart, drawn) {
  place.style.position = 'relative';
  place.classList.add('brushed');
  place.addEventListener('pointerdown', (down) => {
    if (down.button !== 0 || down.pointerType === 'touch') return; // a finger moves the page
    const box = place.getBoundingClientRect();
    const at = (/** @type {PointerEvent} */ event) => [
      Math.min(Math.max(event.clientX - box.left, 0), box.width),
      Math.min(Math.max(event.clientY - box.top, 0), box.height),
    ];
    const [x0, y0] = at(down);
    if (!chart.containPixel({ gridIndex: 0 }, [x0, y0])) return;
    const shade = h('div', { class: 'brush', 'aria-hidden': 'true' });
    const sides = (/** @type {PointerEvent} */ event) => {
      const [x1, y1] = at(event);
      return { left: Math.min(x0, x1), right: Math.max(x0, x1), top: Math.min(y0, y1), bottom: Math.max(y0, y1) };
    };
    const move = (/** @type {PointerEvent} */ event) => {
      const { left, right, top, bottom } = sides(event);
      if (Math.max(right - left, bottom - top) < LEAST) return;
      if (!shade.isConnected) place.append(shade);
      shade.style.cssText = `left:${left}px;top:${top}px;width:${right - left}px;height:${bottom - top}px`;
    };
    const end = (/** @type {PointerEvent} */ event) => {
      document.removeEventListener('pointermove', move);
      document.removeEventListener('pointerup', end);
      document.removeEventListener('pointercancel', end);
      const was = shade.isConnected;
      shade.remove();
      if (!was || event.type === 'pointercancel') return;
      const { left, right, top, bottom } = sides(event);
      const [low, high] = [
        chart.convertFromPixel({ gridIndex: 0 }, [left, bottom]),
        chart.convertFromPixel({ gridIndex: 0 }, [right, top]),
      ];
      drawn([low[0], high[0]], [low[1], high[1]]);
    };
    document.addEventListener('pointermove', move);
    document.addEventListener('pointerup', end);
    document.addEventListener('pointercancel', end);
  });
}
