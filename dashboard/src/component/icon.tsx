// Small pictures beside words; never alone, so all of them are hidden from screen readers.
const PATHS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  clock: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM8 5v3.2l2 1.3",
  play: "M5 3.5l7 4.5-7 4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  again: "M12.8 8A4.8 4.8 0 118 3.2c1.9 0 3.2 1 4.4 2.4M12.6 2.6v3.2H9.4",
  hourglass:
    "M4.5 2.5h7M4.5 13.5h7M5 2.5c0 3 2.2 3.8 3 5.5.8-1.7 3-2.5 3-5.5M5 13.5c0-3 2.2-3.8 3-5.5.8 1.7 3 2.5 3 5.5",
  parked: "M8 2l6 11H2zM8 6v3.2M8 11.2h.01",
  stop: "M4 4h8v8H4z",
  skip: "M3.5 3.5L9 8l-5.5 4.5zM12 3.5v9",
  undo: "M5.5 3L2.5 6l3 3M2.5 6h6.2a3.6 3.6 0 010 7.2H6",
  dash: "M3.5 8h9",
  open: "M6 3.5H3.5v9h9V10M9 3.5h3.5V7M12.5 3.5L7.5 8.5",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  lock: "M4 7.5h8v5.5H4zM5.5 7.5V5.3a2.5 2.5 0 015 0v2.2",
  search: "M7 2.8a4.2 4.2 0 100 8.4 4.2 4.2 0 000-8.4zM10.2 10.2l3.3 3.3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
