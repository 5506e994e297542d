// What became of each job of a bulk action.
import type { BulkItem } from "../../api/type";
import { CodeLink } from "../../component/error-line";
import { Moment } from "../../component/moment";
import { Status } from "../../component/status";
import { JobLink } from "../job/facts";

export function BulkItems({ items }: { items: readonly BulkItem[] }) {
  return (
    <div className="table-frame">
      <table className="stacks">
        <caption className="hidden">Jobs, in the order they are decided about</caption>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Outcome</th>
            <th scope="col">Detail</th>
            <th scope="col">Decided</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.position}>
              <th scope="row">
                <JobLink id={item.job_id} />
                {item.units !== null && <span className="under">{item.units.join(", ")}</span>}
              </th>
              <td>
                <Status state={item.status} />
              </td>
              <td className="why">
                {item.code !== null && <CodeLink code={item.code} />} {item.detail}
              </td>
              <td className="nowrap">
                <Moment at={item.decided_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
