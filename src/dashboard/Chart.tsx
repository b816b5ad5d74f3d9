import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

interface Series {
  readonly name: string;
  /** Name of a CSS variable. */
  readonly colour: string;
  readonly values: ReadonlyArray<number | null>;
}

interface Props {
  /** What somebody hears who does not see it. */
  readonly label: string;
  /** Epoch seconds. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const HEIGHT = 120;

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Values over time, as wide as there is room. */
export function Chart({ label, times, series }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(element.clientWidth, series), [[...times]], element);
      chart.current.setData([[...times], ...series.map(({ values }) => [...values])]);
    };
    make();
    const watcher = new ResizeObserver(() => {
      chart.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    watcher.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener('change', make);
      chart.current?.destroy();
    };
  }, []);

  useEffect(() => {
    chart.current?.setData([[...times], ...series.map(({ values }) => [...values])]);
  }, [times, series]);

  return <div ref={place} class="chart" role="img" aria-label={label} />;
}

function optionsFor(width: number, series: readonly Series[]): uPlot.Options {
  const axis = {
    stroke: colourOf('--dim'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 28, space: 60, values: (_chart, splits) => splits.map(clockTime) },
      { ...axis, size: 36 },
    ],
    series: [
      {},
      ...series.map(({ name, colour, values }) => ({
        label: name,
        stroke: colourOf(colour),
        fill: `${colourOf(colour)}22`,
        width: 2,
        // A minute between two without jobs would not show at all.
        points: { show: values.includes(null), size: 4 },
        spanGaps: false,
      })),
    ],
  };
}

function clockTime(seconds: number): string {
  return new Date(1000 * seconds).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
}
