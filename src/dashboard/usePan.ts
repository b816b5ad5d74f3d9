import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Scrolls content larger than its container by dragging. Starts in the middle. */
export function usePan(place: RefObject<HTMLElement | null>, isActive: boolean): void {
  useEffect(() => {
    const element = place.current;
    if (!element || !isActive) return;
    element.scrollTo(
      (element.scrollWidth - element.clientWidth) / 2,
      (element.scrollHeight - element.clientHeight) / 2,
    );
    const move = (event: PointerEvent) => {
      // Touch scrolls natively.
      if (event.buttons !== 1 || event.pointerType === 'touch' || isOnHandle(event)) return;
      element.scrollBy(-event.movementX, -event.movementY);
    };
    element.addEventListener('pointermove', move);
    return () => element.removeEventListener('pointermove', move);
  }, [place, isActive]);
}

function isOnHandle({ target }: PointerEvent): boolean {
  return target instanceof Element && target.closest('.divider') !== null;
}
