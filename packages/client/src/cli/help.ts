/** Parts of the help texts that commands share. */

export const serviceHelp = `
The service:
  --url URL           where it is (QUINTET_URL, http://localhost:3000)
  --key KEY           an API key (QUINTET_API_KEY)
  --retry-for SECONDS how long a request that fails is tried again (300; the first one not at all)
`;

export const formatHelp = `
Output:
  --table             for people, the default
  --csv               with the columns of the service's own: index, name, job_id, status, error…, label_1, score_1…
  --json              one array
  --ndjson            a JSON document a line, as they come
`;
