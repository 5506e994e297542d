// How the dashboard is built (for /dashboard/ of the API) and served while it is worked on (`npm run dev`).
import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

const server = loadEnv("development", ".", "PERDURE_").PERDURE_SERVER ?? "http://127.0.0.1:8080";
const proxy = { "/v1": server, "/docs": server };

export default defineConfig({
  base: "/dashboard/",
  plugins: [react()],
  server: { proxy },
  preview: { proxy },
  // No file is inlined as a data: address, for the page's Content-Security-Policy.
  build: { outDir: "dist", assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
});
