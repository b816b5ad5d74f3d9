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
  /** Text for screen readers. */
  readonly label: string;
  /** Epoch seconds, one minute apart. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Bars of the series overlap; points are joined if no minute is missing between them. */
  readonly shape: 'bars' | 'points';
  readonly unit?: string;
}

const HEIGHT = 130;
/** Half a minute on both sides, so that the first and the last bar are complete. */
const MARGIN_SECONDS = 30;

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A chart of values over time that uses the available width. */
export function Chart({ label, times, series, shape, unit = '' }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(element.clientWidth, series, shape, unit), [[...times]], element);
      chart.current.setData(dataOf(times, series));
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
    chart.current?.setData(dataOf(times, series));
  }, [times, series]);

  return <div ref={place} class="chart" role="img" aria-label={label} />;
}

function dataOf(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function optionsFor(
  width: number,
  series: readonly Series[],
  shape: Props['shape'],
  unit: string,
): uPlot.Options {
  const axis = {
    stroke: colourOf('--dim'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (_chart, min, max) => [min - MARGIN_SECONDS, max + MARGIN_SECONDS] },
      y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 60,
        values: (_chart, splits) => splits.map(clockTime),
      },
      {
        ...axis,
        size: 44,
        // Only whole jobs.
        ...(shape === 'bars' ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : {}),
        values: (_chart, splits) => splits.map((value) => `${value}${unit}`),
      },
    ],
    series: [
      {},
      ...series.map(({ name, colour }) => ({
        label: name,
        stroke: colourOf(colour),
        // An outline would also be drawn for empty bars.
        width: shape === 'bars' ? 0 : 2,
        spanGaps: false,
        ...(shape === 'bars' && bars
          ? { fill: colourOf(colour), paths: bars, points: { show: false } }
          : { points: { show: true, size: 7, fill: colourOf(colour) } }),
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
