/** Splits long work into slices, so that no frame waits for it: one budget for all lists of the page. */

/** The length of one slice; the rest of the work waits until the next frame is drawn. */
const sliceMs = 6;

class Slice {
  #startMs = performance.now();
  isOver(): boolean {
    return performance.now() - this.#startMs > sliceMs;
  }
  /** Resolves after the next frame, or soon if no frames are drawn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        cancelAnimationFrame(frame);
        this.#startMs = performance.now();
        resolve();
      };
      const timer = setTimeout(go, 100);
      const frame = requestAnimationFrame(() => setTimeout(go));
    });
  }
}
export const slice = new Slice();
