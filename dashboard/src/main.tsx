// Starts the dashboard: its queries, its router, its styles.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "./query-client";
import { router } from "./router";
import "./style/token.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/control.css";
import "./style/filter.css";
import "./style/part.css";
import "./style/table.css";
import "./style/dialog.css";
import "./style/job.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
