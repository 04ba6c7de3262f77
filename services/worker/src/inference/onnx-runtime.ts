/**
 * The way to ONNX Runtime. Since 1.29 its official builds send usage events to their maker, keep a device id in the home
 * folder and a cache in the working directory, unless ORT_DISABLE_TELEMETRY=1 stands in the environment before the library
 * starts. A service that a company puts in front of its own traffic does none of that; who wants it sets the variable.
 * Source: microsoft/onnxruntime pull requests 27379 and 29843.
 */
export function disableTelemetry(): void {
  // On the main thread this reaches the C environment, which all threads share; in a worker thread it would not.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}

/** Names of the execution providers that the installed ONNX Runtime bundles. Loads the library, holds no session. */
export async function bundledBackends(): Promise<string[]> {
  disableTelemetry();
  const { listSupportedBackends } = await import('onnxruntime-node');
  return listSupportedBackends().map(({ name }) => name);
}
