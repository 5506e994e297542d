// The jobs that a job started.
import type { Child } from "../../api/type";
import { Section } from "../../component/section";
import { Status } from "../../component/status";
import { JobLink } from "./facts";

export function Children({ childJobs }: { childJobs: readonly Child[] }) {
  if (childJobs.length === 0) return null;
  return (
    <Section title="Children">
      <div className="table-frame">
        <table>
          <caption className="hidden">Jobs that this one started</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Job</th>
              <th scope="col">Status</th>
            </tr>
          </thead>
          <tbody>
            {childJobs.map((child) => (
              <tr key={child.id}>
                <th scope="row">{child.name}</th>
                <td>{child.status === null ? child.id : <JobLink id={child.id} />}</td>
                <td>
                  {child.status === null ? (
                    <span>not started: {child.problem}</span>
                  ) : (
                    <Status state={child.status} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
