/** Long work in slices of a frame, so that no frame waits for it: one budget for all lists of the page. */

/** Work of one slice; what is left waits until the next frame is drawn. */
const sliceMs = 6;

class Slice {
  #startMs = performance.now();
  isOver(): boolean {
    return performance.now() - this.#startMs > sliceMs;
  }
  /** Resolves behind the next frame, or soon where no frames are drawn. */
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
