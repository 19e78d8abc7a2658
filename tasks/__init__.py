"""The tutorial's steps, one module each: yours to edit."""
