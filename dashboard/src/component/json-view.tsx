// A value as indented JSON. Payloads that the key may not see are said to be masked; long ones open on demand.
import { useState } from "react";
import { Button } from "react-aria-components";
import { Icon } from "./icon";

const LINES_SHOWN = 40;
const MASK = "***";

interface Props {
  label: string;
  value: unknown;
  /** Whether the key lacks the grant `payloads`: then a mask is a mask, and not what the job says. */
  masked: boolean;
}

export function JsonView({ label, value, masked }: Props) {
  const [whole, setWhole] = useState(false);
  if (masked && value === MASK) return <Masked />;
  const text = JSON.stringify(value, null, 2) ?? "null";
  const lines = text.split("\n");
  const cut = !whole && lines.length > LINES_SHOWN;
  return (
    <div className="json">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={`${label} (JSON)`}>
        <pre>
          <code>{cut ? lines.slice(0, LINES_SHOWN).join("\n") : text}</code>
        </pre>
      </section>
      {cut && (
        <Button className="button small" onPress={() => setWhole(true)}>
          Show all {lines.length} lines
        </Button>
      )}
    </div>
  );
}

function Masked() {
  return (
    <p className="masked">
      <Icon name="lock" />
      <span>
        Masked: this key lacks the grant <code>payloads</code>.
      </span>
    </p>
  );
}
