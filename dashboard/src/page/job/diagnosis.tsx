// Why a job is as it is, in short: what failed, since when, how often that was seen, what was tried, what can be done.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { diagnosis, stamp } from "../../api/jobs";
import type { Diagnosis, Job } from "../../api/type";
import { CodeLink } from "../../component/error-line";
import { Moment } from "../../component/moment";
import { Prose } from "../../component/prose";
import { Fact, Facts, Section } from "../../component/section";
import { Status } from "../../component/status";

export function JobDiagnosis({ job }: { job: Job }) {
  const { data } = useQuery(diagnosis(job.id, stamp(job)));
  // Of a job that nothing fails of, the heading says it all.
  if (data === undefined || data.diagnosis.code === null) return null;
  return <Failing said={data.diagnosis} />;
}

function Failing({ said }: { said: Diagnosis }) {
  return (
    <Section title="Diagnosis">
      <div className="panel">
        <p className="lead">{said.what}.</p>
        {said.message !== null && <p className="error-message">{said.message}</p>}
        {said.remedy !== null && (
          <p>
            {said.code !== null && <CodeLink code={said.code} />} <strong>{said.title}.</strong>{" "}
            <Prose text={said.remedy} />
          </p>
        )}
        <Facts>
          {said.since !== null && (
            <Fact name="Since">
              <Moment at={said.since} />
            </Fact>
          )}
          {said.seen !== null && (
            <Fact name="Seen in">
              {said.seen.capped && "at least "}
              {said.seen.last_hour} jobs in the last hour, {said.seen.last_day} in a day, {said.seen.total} in
              all
            </Fact>
          )}
          {said.fingerprint !== null && (
            <Fact name="Fingerprint">
              <Link to="/jobs" search={{ fingerprint: said.fingerprint }}>
                {said.fingerprint}
              </Link>
            </Fact>
          )}
        </Facts>
        {said.tried.length > 1 && <Tried tries={said.tried} />}
        {said.next.length > 0 && (
          <>
            <h3>What can be done</h3>
            <ul className="plain">
              {said.next.map((next) => (
                <li key={next.action}>
                  <strong>{next.action}</strong>: <Prose text={next.what} />
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Section>
  );
}

function Tried({ tries }: { tries: Diagnosis["tried"] }) {
  return (
    <div className="table-frame inner">
      <table>
        <caption>What was tried</caption>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">By</th>
            <th scope="col">Reason</th>
            <th scope="col" className="end">
              Attempts
            </th>
            <th scope="col">Result</th>
          </tr>
        </thead>
        <tbody>
          {tries.map((one) => (
            <tr key={one.round}>
              <th scope="row">{one.round}</th>
              <td>
                {one.by ?? "–"} <Moment at={one.at} none="" />
              </td>
              <td className="why">
                {one.reason}
                {one.patched && <span className="chip">patched</span>}
              </td>
              <td className="end number">{one.attempts}</td>
              <td>
                <Status state={one.result} /> {one.code !== null && <code className="under">{one.code}</code>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
