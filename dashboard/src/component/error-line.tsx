// A failure in a line or two: its code (with what it means), its class, its message.
interface Props {
  error: { code: string; class: string; message: string };
  /** What to read about it: a path in Perdure's repository. */
  runbook?: string | null;
}

export function ErrorLine({ error, runbook }: Props) {
  return (
    <div>
      <p className="error-head">
        <CodeLink code={error.code} /> <span className="chip">{error.class}</span>
      </p>
      <p className="error-message">{error.message}</p>
      {runbook != null && (
        <p className="quiet small">
          Runbook: <code>{runbook}</code>
        </p>
      )}
    </div>
  );
}

const EXPLAINED = /^(API|ENGINE|WORKER|STEP)\./;

/** Leads to what a code means; those that jobs make up themselves stand in no list. */
export function CodeLink({ code }: { code: string }) {
  if (!EXPLAINED.test(code)) return <code>{code}</code>;
  return (
    <a href={`/docs/errors#${code}`} target="_blank" rel="noreferrer" title="What this code means">
      <code>{code}</code>
    </a>
  );
}
