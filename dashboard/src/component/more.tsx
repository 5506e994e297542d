// The end of a list: more of it, or that this is all.
import { Button } from "react-aria-components";

interface Props {
  shown: number;
  noun: [one: string, many: string];
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

export function More({ shown, noun, hasMore, isLoading, onMore }: Props) {
  return (
    <div className="more">
      <p className="quiet" aria-live="polite">
        {shown} {shown === 1 ? noun[0] : noun[1]} shown{hasMore ? "" : ", that is all"}
      </p>
      {hasMore && (
        <Button
          className="button"
          onPress={isLoading ? undefined : onMore}
          data-waiting={isLoading || undefined}
        >
          {isLoading ? "Loading…" : "More"}
        </Button>
      )}
    </div>
  );
}
