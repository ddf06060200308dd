ALTER TABLE "sweeps" ADD COLUMN "marker" text;--> statement-breakpoint
ALTER TABLE "sweeps" ADD COLUMN "next_marker" text;