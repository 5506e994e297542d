// The names by which the dashboard calls what the API answers; all of them generated from its OpenAPI document.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Principal = Schemas["PrincipalView"];
export type Role = Schemas["Role"];
export type ProblemBody = Schemas["ProblemBody"];
export type JobStatus = Schemas["JobStatus"];
export type StepStatus = Schemas["StepStatus"];
export type Outcome = Schemas["AttemptOutcome"];
export type JobSummary = Schemas["JobSummary"];
export type Job = Schemas["JobView"];
export type Step = Schemas["StepView"];
export type Item = Schemas["ItemView"];
export type Attempt = Schemas["AttemptView"];
export type Child = Schemas["ChildView"];
export type WaitingFor = Schemas["WaitingForView"];
export type JournalEntry = Schemas["JournalView"];
export type JobDiagnosis = Schemas["JobDiagnosisView"];
export type Diagnosis = Schemas["DiagnosisView"];
export type DeadLetter = Schemas["DeadLetterView"];
export type DeadLetterEntry = Schemas["DeadLetterEntryView"];
export type ParkedUnit = Schemas["ParkedUnitView"];
export type ParkedDetail = Schemas["ParkedDetailView"];
export type Group = Schemas["GroupView"];
export type Count = Schemas["CountView"];
export type RetryingJob = Schemas["RetryingView"];
export type RetryingUnit = Schemas["RetryingUnitView"];
export type Decision = Schemas["DecisionView"];
export type RetryBody = Schemas["RetryDeadLetterRequest"];
export type SkipBody = Schemas["SkipRequest"];
export type BulkAction = Schemas["BulkActionView"];
export type BulkItem = Schemas["BulkItemView"];
export type BulkStatus = Schemas["BulkStatus"];
export type BulkItemStatus = Schemas["BulkItemStatus"];
export type BulkBody = Schemas["BulkActionRequest"];
export type BulkPreview = Schemas["BulkDryRunView"];
