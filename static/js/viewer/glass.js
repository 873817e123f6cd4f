// A pane over a viewer's image on which pictures of the same frame lie: heat map, outline.
//
// They are drawn apart from the photograph, so that its brightness and contrast leave their colours
// as they are.

export class Glass {
  constructor(viewer) {
    this.viewer = viewer;
    this.layers = new Map(); // address → { opacity, image }
    this.canvas = document.createElement("canvas");
    this.canvas.className = "viewer__glass";
    viewer.canvas.after(this.canvas);
    viewer.addHandler("update-viewport", () => this.draw());
  }

  // A layer is fetched when somebody first asks for it, not before. Rejects when it does not come.
  async show(url, opacity) {
    const known = this.layers.get(url);
    if (known) {
      known.opacity = opacity;
      this.draw();
      return;
    }
    if (!opacity) return;
    const layer = { opacity, image: new Image() };
    this.layers.set(url, layer);
    layer.image.src = url;
    try {
      await layer.image.decode();
    } catch (error) {
      this.layers.delete(url);
      throw error;
    }
    layer.ready = true;
    this.draw();
  }

  hideAllBut(urls) {
    for (const [url, layer] of this.layers) if (!urls.includes(url)) layer.opacity = 0;
    this.draw();
  }

  isCovered() {
    return [...this.layers.values()].some(({ ready, opacity }) => ready && opacity > 0);
  }

  draw() {
    const item = this.viewer.world.getItemAt(0);
    const { clientWidth: width, clientHeight: height } = this.viewer.canvas;
    if (!item || !width) return;
    const ratio = devicePixelRatio;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const place = this.viewer.viewport.viewportToViewerElementRectangle(item.getBounds(true));
    for (const { ready, opacity, image } of this.layers.values()) {
      if (!ready || !opacity) continue;
      pen.globalAlpha = opacity;
      pen.drawImage(image, place.x, place.y, place.width, place.height);
    }
  }
}
