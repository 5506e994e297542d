// Why there are no buttons: the role of who looks does not decide.
import { Icon } from "./icon";

export function RoleNote({ actor, role }: { actor: string; role: string }) {
  return (
    <p className="role-note quiet">
      <Icon name="lock" />
      <span>
        You look as {actor}, a {role}. Deciding needs the role operator.
      </span>
    </p>
  );
}
