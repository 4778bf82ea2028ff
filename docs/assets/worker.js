// Browsers start no worker for a page that was opened as a file: the search runs in a hidden frame.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.append(frame);
      const inside = frame.contentWindow;
      this.inside = inside;

      const load = (file) =>
        new Promise((done) => {
          const script = inside.document.createElement("script");
          script.src = new URL(file, location.href);
          script.onload = done;
          script.onerror = done;
          inside.document.documentElement.append(script);
        });
      inside.importScripts = (...files) =>
        files.reduce((before, file) => before.then(() => load(file)), Promise.resolve());
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.ready = load(address);
    }

    postMessage(data) {
      const { inside } = this;
      this.ready.then(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }

    terminate() {
      this.inside.frameElement.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
