// A page that is opened from disk may start no worker, and the search runs in one. There it runs in a hidden frame
// instead: its messages are passed on as a worker's are. On a server this does nothing.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = this.onerror = this.onmessageerror = null;
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      this.inside.postMessage = (data) => this.tell("message", data);
      const script = frame.contentDocument.createElement("script");
      script.src = new URL(url, document.baseURI);
      script.onload = () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      };
      frame.contentDocument.body.append(script);
      this.frame = frame;
    }

    tell(type, data) {
      const event = new MessageEvent(type, { data });
      this["on" + type]?.(event);
      this.dispatchEvent(event);
    }

    postMessage(data) {
      if (!this.ready) return void this.waiting.push(data);
      const event = new MessageEvent("message", { data: structuredClone(data) });
      setTimeout(() => (this.inside.onmessage ? this.inside.onmessage(event) : this.inside.dispatchEvent(event)));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
